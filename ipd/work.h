/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be done to the system for one change, as data: files with their new content, programs
 * with their arguments. Made by the back ends, done by change.c, kept by journal.c; nothing in here
 * touches the system.
 *
 * Paths are the system's; whoever opens one puts the root in front.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <sys/types.h>

typedef struct {
	char *path;
	char *content; /* NULL: there is no such file */
	mode_t mode;
} IpFile;

typedef struct {
	char **argv;
	gboolean optional; /* its failure does not count */
} IpCommand;

/* In this order: before, files, after. To take it back: undo_before, the old files, undo_after. */
typedef struct {
	GPtrArray *files; /* of IpFile */
	GPtrArray *before, *after, *undo_before, *undo_after; /* of IpCommand */
	GPtrArray *warnings; /* char * */
} IpWork;

IpFile *ip_file_new(const char *path, const char *content, mode_t mode);
void ip_file_free(IpFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpFile, ip_file_free)

IpWork *ip_work_new(void);
void ip_work_free(IpWork *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpWork, ip_work_free)

void ip_work_file(IpWork *work, const char *path, const char *content, mode_t mode);
void ip_work_warn(IpWork *work, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Add a program to a list: its arguments, then NULL. */
void ip_command(GPtrArray *list, const char *first, ...) G_GNUC_NULL_TERMINATED;
/* The same, may fail. */
void ip_command_optional(GPtrArray *list, const char *first, ...) G_GNUC_NULL_TERMINATED;

/* { files: [{ path, content, mode }], before: [["ifdown", …]], … }, and back. */
struct json_object *ip_work_to_json(const IpWork *work);
IpWork *ip_work_from_json(struct json_object *object, GError **error);

/* [{ path, content, mode }], content null where there is none; and back, added to @list. */
struct json_object *ip_files_to_json(const GPtrArray *files);
gboolean ip_files_from_json(struct json_object *json, GPtrArray *list, GError **error);
GPtrArray *ip_files_new(void);
