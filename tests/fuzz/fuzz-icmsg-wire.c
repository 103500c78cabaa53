/* SPDX-License-Identifier: GPL-2.0-only */
/* IC framing and negotiation: what decodes must encode again to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include <hvis/icmsg.h>
#include <wire/icmsg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
	if (!good)
		abort();
}

static void negotiate(WireCursor body)
{
	static const IcVersions ours = { 2, 3, { { 1, 0 }, { 3, 0 } },
		{ { 1, 0 }, { 3, 0 }, { 4, 0 } } };
	IcVersions theirs, chosen, back;
	IcVersion framework, message;
	gboolean agreed;
	uint8_t buf[8 + 2 * HVIS_IC_MAX_VERSIONS * 4];
	gsize len;

	icmsg_negotiate_decode_answer(body, &agreed, &framework, &message, NULL);
	if (!icmsg_negotiate_decode(body, &theirs, NULL))
		return;
	check(icmsg_negotiate_encode(&theirs, buf, sizeof(buf), &len, NULL));
	check(icmsg_negotiate_decode(wire_cursor(buf, len), &back, NULL));
	check(memcmp(&theirs, &back, sizeof(back)) == 0);
	check(icmsg_negotiate_choose(&theirs, &ours, &chosen) == (chosen.n_message == 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree uint8_t *again = g_malloc(size ? size : 1);
	IcMessage m, back;
	gsize len;

	if (!icmsg_decode(data, size, &m, NULL))
		return 0;
	check(m.body.left <= size - HVIS_IC_BODY_OFFSET);
	check(icmsg_encode(&m, again, size, &len, NULL));
	check(icmsg_decode(again, len, &back, NULL));
	check(back.type == m.type && back.status == m.status && back.body.left == m.body.left);
	check(m.body.left == 0 || memcmp(back.body.pos, m.body.pos, m.body.left) == 0);
	negotiate(m.body);
	return 0;
}
