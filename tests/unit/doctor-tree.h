/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines for "hvctl doctor" to look at: trees of files, programs and sockets below a directory, as the lines of
 * doctor.cases describe them. For the unit test and for the program that the integration test uses.
 */
#pragma once

#include <glib.h>

typedef struct {
	char *root;
	GArray *servers; /* pid_t */
	gboolean nobody; /* the case is about who is not root */
} DoctorTree;

/* The ids that the cases of @file are about, in their order: of char. */
GPtrArray *doctor_tree_cases(const char *file);

/* What was meant, in a new directory: the lines before the first case, then those of case @id. */
void doctor_tree_make(DoctorTree *tree, const char *file, const char *id);
/* End its servers and remove it. */
void doctor_tree_remove(DoctorTree *tree);
