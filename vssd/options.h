/* SPDX-License-Identifier: GPL-2.0-only */
/* What may stand in [vss] of the configuration. */
#pragma once

#include <util/config.h>

extern const HvisConfigKey vss_config_keys[];
