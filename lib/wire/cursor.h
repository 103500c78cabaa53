/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded view of received bytes. wire_take() and wire_skip() are the only code that moves one;
 * wire_narrow() cuts it to a declared size so that later readers cannot see what follows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	const uint8_t *pos;
	size_t left;
} WireCursor;

static inline WireCursor wire_cursor(const void *bytes, size_t len)
{
	return (WireCursor){ bytes, len };
}

/* Copy the next @n bytes to @out. FALSE, and nothing moved or written, where fewer are left. */
static inline bool wire_take(WireCursor *c, void *out, size_t n)
{
	if (n > c->left)
		return false;
	if (n == 0)
		return true; /* an empty cursor may have no place at all */
	memcpy(out, c->pos, n);
	c->pos += n;
	c->left -= n;
	return true;
}

static inline bool wire_skip(WireCursor *c, size_t n)
{
	if (n > c->left)
		return false;
	if (n == 0)
		return true;
	c->pos += n;
	c->left -= n;
	return true;
}

/* Forget all but the next @n bytes. FALSE where fewer are left. */
static inline bool wire_narrow(WireCursor *c, size_t n)
{
	if (n > c->left)
		return false;
	c->left = n;
	return true;
}
