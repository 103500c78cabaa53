/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of file copy: a request as the host's wire and as the character device have it, and what the device has
 * of its own. What decodes must survive encoding and decoding again, but for text that the device cuts off.
 */
#include <stdlib.h>
#include <string.h>

#include <wire/fcopy.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
	if (!good)
		abort();
}

/* No text is longer than its room, cut or not. */
static void check_text(const char *text, const char *again, FcopyText form)
{
	size_t len = strlen(text);
	gboolean cut = form == FCOPY_TEXT_UTF8 && len > HVIS_FCOPY_DEVICE_TEXT_MAX;

	check(g_utf8_validate(text, -1, NULL));
	check(len < 2 * HVIS_FCOPY_TEXT);
	check(cut ? g_str_has_prefix(text, again) : strcmp(text, again) == 0);
}

static void check_same(const FcopyRequest *a, const FcopyRequest *b, FcopyText form)
{
	check(a->op == b->op);
	if (a->op == HVIS_FCOPY_OP_START) {
		check_text(a->name, b->name, form);
		check_text(a->path, b->path, form);
		check(a->flags == b->flags && a->size == b->size);
	} else if (a->op == HVIS_FCOPY_OP_WRITE) {
		check(a->offset == b->offset && a->len == b->len);
		check(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
	}
}

static void request(const uint8_t *data, size_t size, FcopyText form)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	g_auto(FcopyRequest) first = { 0 }, second = { 0 };

	if (!fcopy_request_decode(data, size, form, &first, NULL)) {
		check(!first.name && !first.path);
		return;
	}
	check(!fcopy_is_register(data, size));
	check(first.op < HVIS_FCOPY_OP_N && first.len <= HVIS_FCOPY_FRAGMENT);
	if (first.op == HVIS_FCOPY_OP_WRITE && first.len)
		check(first.data > data && first.data + first.len <= data + size);
	check(fcopy_request_encode(&first, form, body, NULL));
	/* what was cut off may have been cut within a character, as the kernel does it */
	if (!fcopy_request_decode(body->data, body->len, form, &second, NULL)) {
		check(form == FCOPY_TEXT_UTF8 && first.op == HVIS_FCOPY_OP_START);
		return;
	}
	check_same(&first, &second, form);
}

static void own(const uint8_t *data, size_t size)
{
	FcopyText text = FCOPY_TEXT_UTF8;
	guint32 status;
	guint8 again[8];

	if (fcopy_welcome_decode(data, size, &text, NULL)) {
		check(fcopy_is_register(data, size));
		check(fcopy_welcome_encode(text, again) == sizeof(again));
		check(memcmp(again, data, size) == 0 && (size == 8 || text == FCOPY_TEXT_UTF8));
	}
	check(fcopy_answer_decode(data, size, &status, NULL) == (size == 4));
	if (size == 4)
		check(fcopy_answer_encode(status, again) == 4 && memcmp(again, data, 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	request(data, size, FCOPY_TEXT_UTF16);
	request(data, size, FCOPY_TEXT_UTF8);
	own(data, size);
	return 0;
}
