/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where records come from and go to: the daemon's socket, or the files under the same locks where it
 * does not run or is not wanted. A record is a JSON object with the strings pool, key and value, a
 * list of them an array in the order of the files; both sources give the same.
 */
#pragma once

#include <json-c/json.h>

#include "hvctl/command.h"
#include "kvpd/pools.h"

typedef struct {
	const HvctlRequest *request;
	KvpPools *files; /* NULL: the daemon answers */
} HvctlSource;

/*
 * Decide once which of the two it is. HVIS_ERROR_CLOSED where the daemon does not run and the files
 * will not do, _IO where they are to be in a directory that was named and is not there. Says on standard
 * error that the files are used where nobody asked for them, and that there are none.
 */
gboolean hvctl_source_open(HvctlSource *ret, const HvctlRequest *request, GError **error);
void hvctl_source_close(HvctlSource *source);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HvctlSource, hvctl_source_close)

/*
 * All records of @pool, NULL = of all pools. The facts of pool auto are in no file: from files
 * they are left out, and HVIS_ERROR_UNSUPPORTED where nothing else was asked for. New reference.
 */
struct json_object *hvctl_source_list(const HvctlSource *source, const char *pool, GError **error);

/*
 * The same of every pool that can be read: records and @error both, where that is not all of them; NULL where
 * none was.
 */
struct json_object *hvctl_source_list_some(
	const HvctlSource *source, const char *pool, GError **error);

/* The last record with @key in @pool, NULL = in the first pool in search order that has it. */
struct json_object *hvctl_source_get(
	const HvctlSource *source, const char *key, const char *pool, GError **error);

/* The same, and a value in parts joined unless @raw is set. */
struct json_object *hvctl_get(
	const HvctlSource *source, const char *key, const char *pool, gboolean raw, GError **error);

/* Open, list, close. */
struct json_object *hvctl_records(const HvctlRequest *request, const char *pool, GError **error);

struct json_object *hvctl_record_new(const char *pool, const char *key, const char *value);

/* Member @name of a record, "" where it has none. Borrowed. */
const char *hvctl_record_text(struct json_object *record, const char *name);

typedef struct {
	gint64 added, replaced, removed; /* records */
} HvctlChanged;

/*
 * Changes as type Change of io.hvis.Kvp has them, of one pool, all or none; with @clear all records
 * go first, with @dry_run nothing is changed. Takes @changes. Pools external and guest.
 */
gboolean hvctl_source_apply(const HvctlSource *source, const char *pool,
	struct json_object *changes, gboolean clear, gboolean dry_run, HvctlChanged *ret,
	GError **error);

gboolean hvctl_source_set(const HvctlSource *source, const char *pool, const char *key,
	const char *value, GError **error);

/* HVIS_ERROR_NOT_FOUND where the pool does not have the key. */
gboolean hvctl_source_delete(
	const HvctlSource *source, const char *pool, const char *key, GError **error);

/* The file of @pool. New string. */
char *hvctl_source_path(const HvctlSource *source, const char *pool, GError **error);

/* A change that sets @key, or removes it (@value is NULL); @append adds a record in any case. */
struct json_object *hvctl_change_new(const char *key, const char *value, gboolean append);

/*
 * The keys that @key in @pool is, or but for a record with @key itself would be, joined from: a new
 * array, empty where there are none.
 */
struct json_object *hvctl_parts(
	const HvctlSource *source, const char *pool, const char *key, GError **error);

/* All of @in, which errors call @name: UTF-8 text of @max bytes at most. New string. */
char *hvctl_read_input(FILE *in, const char *name, gsize max, GError **error);
