/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp delete */
#include "hvctl/call.h"

HvisExit hvctl_kvp_delete(const HvctlRequest *request, GError **error)
{
	struct json_object *params = hvctl_params(request);

	json_object_object_add(params, "key", json_object_new_string(request->args[0]));
	json_object_put(hvctl_call(request, "Delete", params, error));
	return HVIS_EXIT_OK;
}
