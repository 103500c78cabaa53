/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of a few bytes. */
#include "config.h"

#include "fcopyd/device.h"

#include <hvis/hresult.h>
#include <wire/fcopy.h>

gsize fcopy_device_build_register(guint8 *buf, gpointer data)
{
	return fcopy_register_encode(buf);
}

gboolean fcopy_device_is_handshake(const guint8 *msg, gsize len, gpointer data)
{
	return fcopy_is_register(msg, len);
}

gsize fcopy_device_build_failure(HvisFailure why, guint8 *buf, gpointer data)
{
	static const guint32 statuses[HVIS_FAILURE_N] = {
		[HVIS_FAILURE_MALFORMED] = HVIS_E_INVALIDARG,
		[HVIS_FAILURE_DEADLINE] = HVIS_E_FAIL,
	};

	return fcopy_answer_encode(statuses[why], buf);
}
