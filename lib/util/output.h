/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One writer for text and JSON: a command's answer is a JSON value, and is printed either as that
 * or as a table or list of fields whose columns name members of it.
 *
 * Text is for people: control characters and bytes that are no UTF-8 are shown as escapes, so that
 * a guest's string cannot drive the terminal; what must be read back by a program is JSON.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdio.h>

typedef struct {
	const char *heading; /* "Value"; NULL ends an array of columns */
	const char *member; /* of the row's object: "value"; "kvp.state" reaches into an object */
	gboolean right; /* align right: numbers */
	/* How to show the value (NULL where the member is absent or null); NULL = the usual way.
	 * Returns new text, or NULL to leave the cell empty (or the field out). */
	char *(*format)(struct json_object *value);
	/* Where colours are on: the value's SGR parameters ("31"), or NULL for none. */
	const char *(*style)(struct json_object *value);
} OutputColumn;

#define OUTPUT_RED "31"
#define OUTPUT_GREEN "32"
#define OUTPUT_YELLOW "33"

/* Headings in bold and cells in their style from now on, in this process; off at first. */
void output_use_color(gboolean on);

/* @text with every character that is not printable as \n, \t, \r, \xNN or \uNNNN. New string. */
char *output_escape(const char *text);

/* The usual way: text escaped, numbers, yes/no, lists joined by ", ", objects as JSON, "-" for
 * NULL and for an empty list. New string. */
char *output_value(struct json_object *value);

/* The member @path of @object, "a.b.c", or NULL. Borrowed. */
struct json_object *output_member(struct json_object *object, const char *path);

/* @rows (an array of objects; NULL = empty) under a line of headings, columns aligned. Without a
 * row nothing is printed. */
void output_table(FILE *stream, struct json_object *rows, const OutputColumn *columns);

/* One object, a line "Heading:  value" for each column. */
void output_fields(FILE *stream, struct json_object *object, const OutputColumn *columns);

/* @value as JSON, indented, with a newline; on one line where @compact. */
void output_json(FILE *stream, struct json_object *value, gboolean compact);

/* Flush; HVIS_ERROR_IO where anything written to @stream before got lost. */
gboolean output_finish(FILE *stream, GError **error);
