/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp set. What a key or a value may be is the daemon's rule, not repeated here. */
#include "hvctl/call.h"

HvisExit hvctl_kvp_set(const HvctlRequest *request, GError **error)
{
	struct json_object *params = hvctl_params(request);

	json_object_object_add(params, "key", json_object_new_string(request->args[0]));
	json_object_object_add(params, "value", json_object_new_string(request->args[1]));
	json_object_put(hvctl_call(request, "Set", params, error));
	return HVIS_EXIT_OK;
}
