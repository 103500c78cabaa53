/* SPDX-License-Identifier: GPL-2.0-only */
/* How records are printed: as a table, as JSON, or in the form that --format asks for. */
#pragma once

#include <json-c/json.h>

#include "hvctl/command.h"

/*
 * Print the array @records as the request wants them. Names for --format=env are KVP_ and the key
 * with '_' for every byte that is no ASCII letter, digit or '_'; of records that get the same name
 * the one that "kvp get" would find is printed, and the others are told on standard error.
 */
void hvctl_print_records(const HvctlRequest *request, struct json_object *records);

/* The name of a variable for @key. New string. */
char *hvctl_env_name(const char *key);

/* @value in single quotes, so that a shell takes every byte for itself. New string. */
char *hvctl_env_quote(const char *value);
