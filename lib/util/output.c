/* SPDX-License-Identifier: GPL-2.0-only */
/* Aligned text and JSON out of one JSON value; see output.h. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"
#include "util/output.h"

#define COLUMN_GAP 2
#define BOLD "1"

static gboolean use_color; /* set once, by main() */

void output_use_color(gboolean on)
{
	use_color = on;
}

static void escape_char(GString *out, gunichar c)
{
	switch (c) {
	case '\n':
		g_string_append(out, "\\n");
		return;
	case '\t':
		g_string_append(out, "\\t");
		return;
	case '\r':
		g_string_append(out, "\\r");
		return;
	default:
		break;
	}
	if (g_unichar_isprint(c))
		g_string_append_unichar(out, c);
	else if (c < 0x80)
		g_string_append_printf(out, "\\x%02x", c);
	else
		g_string_append_printf(out, "\\u%04x", c);
}

char *output_escape(const char *text)
{
	GString *out = g_string_new(NULL);

	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);

		if (c >= 0x110000u) { /* "invalid" and "ends too early" are both out of range */
			g_string_append_printf(out, "\\x%02x", (guchar)*text++);
			continue;
		}
		escape_char(out, c);
		text = g_utf8_next_char(text);
	}
	return g_string_free(out, FALSE);
}

static char *join_array(struct json_object *array)
{
	gsize n = json_object_array_length(array);
	GString *out = g_string_new(n ? NULL : "-");

	for (gsize i = 0; i < n; i++) {
		g_autofree char *item = output_value(json_object_array_get_idx(array, i));

		g_string_append_printf(out, "%s%s", i ? ", " : "", item);
	}
	return g_string_free(out, FALSE);
}

char *output_value(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return g_strdup("-");
	case json_type_boolean:
		return g_strdup(json_object_get_boolean(value) ? "yes" : "no");
	case json_type_string:
		return output_escape(json_object_get_string(value));
	case json_type_array:
		return join_array(value);
	case json_type_int:
	case json_type_double:
	case json_type_object:
		return g_strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
	}
	return g_strdup("-");
}

struct json_object *output_member(struct json_object *object, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, ".", -1);

	for (char **name = names; *name; name++) {
		struct json_object *next;

		if (!json_object_is_type(object, json_type_object) ||
			!json_object_object_get_ex(object, *name, &next))
			return NULL;
		object = next;
	}
	return object;
}

static char *cell_text(struct json_object *row, const OutputColumn *column)
{
	struct json_object *value = output_member(row, column->member);

	return column->format ? column->format(value) : output_value(value);
}

static const char *style_of(struct json_object *row, const OutputColumn *column)
{
	return column->style ? column->style(output_member(row, column->member)) : NULL;
}

static int text_width(const char *text)
{
	int width = 0;

	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);

		if (!g_unichar_iszerowidth(c))
			width += g_unichar_iswide(c) ? 2 : 1;
	}
	return width;
}

/* @text in @style, which takes no place on a terminal; NULL = as it is. */
static char *styled(const char *text, const char *style)
{
	return use_color && style && *text ? g_strdup_printf("\033[%sm%s\033[0m", style, text)
					   : g_strdup(text);
}

static void append_cell(
	GString *line, const char *plain, int width, gboolean right, const char *style)
{
	int pad = width - text_width(plain);
	g_autofree char *text = styled(plain, style);

	if (line->len)
		g_string_append_printf(line, "%*s", COLUMN_GAP, "");
	if (right)
		g_string_append_printf(line, "%*s%s", pad, "", text);
	else
		g_string_append_printf(line, "%s%*s", text, pad, "");
}

/* Without the blanks that would pad its last cells. */
static void print_line(FILE *stream, GString *line)
{
	gsize len = line->len;

	while (len && line->str[len - 1] == ' ')
		len--;
	fprintf(stream, "%.*s\n", (int)len, line->str);
	g_string_truncate(line, 0);
}

static guint count_columns(const OutputColumn *columns)
{
	guint n = 0;

	while (columns[n].heading)
		n++;
	return n;
}

/* All cells, headings first, row by row. */
static GPtrArray *render(struct json_object *rows, const OutputColumn *columns, guint n)
{
	GPtrArray *cells = g_ptr_array_new_with_free_func(g_free);

	for (guint c = 0; c < n; c++)
		g_ptr_array_add(cells, g_strdup(columns[c].heading));
	for (gsize r = 0; r < json_object_array_length(rows); r++)
		for (guint c = 0; c < n; c++) {
			char *text = cell_text(json_object_array_get_idx(rows, r), &columns[c]);

			g_ptr_array_add(cells, text ? text : g_strdup(""));
		}
	return cells;
}

void output_table(FILE *stream, struct json_object *rows, const OutputColumn *columns)
{
	guint n = count_columns(columns);
	g_autoptr(GPtrArray) cells = NULL;
	g_autofree int *widths = g_new0(int, n);
	g_autoptr(GString) line = g_string_new(NULL);

	if (!json_object_is_type(rows, json_type_array) || !json_object_array_length(rows))
		return;
	cells = render(rows, columns, n);
	for (guint i = 0; i < cells->len; i++)
		widths[i % n] = MAX(widths[i % n], text_width(cells->pdata[i]));
	for (guint i = 0; i < cells->len; i++) {
		append_cell(line, cells->pdata[i], widths[i % n], columns[i % n].right,
			i < n ? BOLD
			      : style_of(json_object_array_get_idx(rows, i / n - 1),
					&columns[i % n]));
		if (i % n == n - 1)
			print_line(stream, line);
	}
}

void output_fields(FILE *stream, struct json_object *object, const OutputColumn *columns)
{
	int width = 0;

	for (const OutputColumn *c = columns; c->heading; c++)
		width = MAX(width, text_width(c->heading));
	for (const OutputColumn *c = columns; c->heading; c++) {
		g_autofree char *text = cell_text(object, c);

		g_autofree char *heading = styled(c->heading, BOLD);
		g_autofree char *value = text ? styled(text, style_of(object, c)) : NULL;

		if (text)
			fprintf(stream, "%s:%*s%s\n", heading,
				width - text_width(c->heading) + COLUMN_GAP, "", value);
	}
}

void output_json(FILE *stream, struct json_object *value, gboolean compact)
{
	int flags = compact ? JSON_C_TO_STRING_PLAIN
			    : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;

	fprintf(stream, "%s\n",
		json_object_to_json_string_ext(value, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
}

gboolean output_finish(FILE *stream, GError **error)
{
	if (fflush(stream) == 0 && !ferror(stream))
		return TRUE;
	return hvis_fail_errno(error, errno ? errno : EIO, "the output could not be written");
}
