/* SPDX-License-Identifier: GPL-2.0-only */
/* See link-text.h. */
#include "host/link-text.h"

#include <string.h>

static guint32 unit_at(const guint8 *field, gsize i)
{
	return field[2 * i] | (guint32)field[2 * i + 1] << 8;
}

/* One character at *@i; 0 at the end, G_MAXUINT32 for half of a pair, which is skipped. */
static guint32 next_char(const guint8 *field, gsize units, gsize *i)
{
	guint32 high, low;

	if (*i == units)
		return 0;
	high = unit_at(field, (*i)++);
	if ((high & 0xf800) != 0xd800)
		return high;
	if (high & 0x400 || *i == units)
		return G_MAXUINT32;
	low = unit_at(field, *i);
	if ((low & 0xfc00) != 0xdc00)
		return G_MAXUINT32;
	(*i)++;
	return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

void link_text_narrow(const guint8 *field, gsize bytes, char *out, gsize size)
{
	gsize used = 0;
	gsize i = 0;
	guint32 c;
	char utf8[6];
	int n;

	while ((c = next_char(field, bytes / 2, &i)) != 0) {
		if (c == G_MAXUINT32)
			continue;
		n = g_unichar_to_utf8(c, utf8);
		if (used + (gsize)n >= size)
			continue;
		memcpy(out + used, utf8, (gsize)n);
		used += (gsize)n;
	}
	out[used] = '\0';
}
