/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl fcopy history, cancel; fcopy status is with the others, in hvctl/status.c. */
#include "hvctl/fcopy.h"

#include "hvctl/call.h"
#include "util/output.h"

HvisExit hvctl_fcopy_history(const HvctlRequest *request, GError **error)
{
	struct json_object *params = json_object_new_object(), *answer, *transfers = NULL;

	if (request->lines >= 0)
		json_object_object_add(params, "count", json_object_new_int64(request->lines));
	answer = hvctl_call_to(&hvctl_fcopy_daemon, request, "History", params, error);
	if (answer)
		transfers = hvctl_answer_member(answer, "transfers", json_type_array, error);
	if (transfers && request->json)
		output_json(request->out, transfers, FALSE);
	else if (transfers && json_object_array_length(transfers) == 0 && request->lines != 0)
		fputs("no file since the daemon started\n", request->out);
	else if (transfers)
		hvctl_fcopy_print_history(request->out, transfers);
	if (transfers)
		output_finish(request->out, error);
	json_object_put(answer);
	return HVIS_EXIT_OK;
}

/* It may have had its name already: what the daemon says is what became of it. */
HvisExit hvctl_fcopy_cancel(const HvctlRequest *request, GError **error)
{
	struct json_object *answer =
		hvctl_call_to(&hvctl_fcopy_daemon, request, "Cancel", NULL, error);

	if (!answer)
		return HVIS_EXIT_IO;
	hvctl_fcopy_print_end(request->out, output_member(answer, "transfer"));
	output_finish(request->out, error);
	json_object_put(answer);
	return HVIS_EXIT_OK;
}
