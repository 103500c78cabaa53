/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of a fixed size, which need nothing of the daemon. */
#include "config.h"

#include "vssd/device.h"

#include <string.h>

#include <hvis/hresult.h>
#include <wire/vss.h>

gsize vss_device_build_register(guint8 *buf, gpointer data)
{
	struct hvis_vss_dev_msg msg;

	vss_register_encode(&msg);
	memcpy(buf, &msg, sizeof(msg));
	return sizeof(msg);
}

gboolean vss_device_is_handshake(const guint8 *msg, gsize len, gpointer data)
{
	return vss_is_register(msg, len);
}

gboolean vss_device_on_handshake(const guint8 *msg, gsize len, gpointer data, GError **error)
{
	return TRUE; /* it says nothing but that it is one */
}

gsize vss_device_build_failure(HvisFailure why, guint8 *buf, gpointer data)
{
	static const guint32 statuses[HVIS_FAILURE_N] = {
		[HVIS_FAILURE_MALFORMED] = HVIS_E_INVALIDARG,
		[HVIS_FAILURE_DEADLINE] = HVIS_E_FAIL,
	};
	struct hvis_vss_dev_msg msg;

	vss_answer_encode(statuses[why], &msg);
	memcpy(buf, &msg, sizeof(msg));
	return sizeof(msg);
}
