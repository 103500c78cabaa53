/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host is told of a failure. */
#pragma once

#include <glib.h>

/* HVIS_S_OK for NULL; HVIS_E_FAIL for errors of other domains. One table; its test reads it whole. */
guint32 fcopy_status_of(const GError *error);
