/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of "hvctl kvp report", testable without a pool. */
#pragma once

#include <glib.h>

#define HVCTL_REPORT_KEY "PROVISIONING_REPORT" /* which Azure's host reads */

/*
 * The machine's ID as Azure has it: the UUID of its firmware, whose first three fields a BIOS has the
 * other way round. Below @root; for root alone.
 */
char *hvctl_report_vm_id(const char *root, GError **error);

/*
 * The value for @words: "success", or "failure" and a reason; then NAME=VALUE. In the form and order of
 * cloud-init and azure-init. HVIS_ERROR_INVALID where they are no report.
 */
char *hvctl_report_value(
	const char *root, const char *const *words, GDateTime *now, GError **error);
