/* SPDX-License-Identifier: GPL-2.0-only */
/* What the table of commands takes from the files beside it. */
#pragma once

#include "host/ctl.h"

/* ctl-prepare.c */
gboolean ctl_prepare_add(CtlCall *call, GError **error);
gboolean ctl_prepare_modify(CtlCall *call, GError **error);
gboolean ctl_prepare_intrinsic(CtlCall *call, GError **error);
gboolean ctl_prepare_step(CtlCall *call, GError **error);
gboolean ctl_prepare_ip(CtlCall *call, GError **error);
gboolean ctl_prepare_shutdown(CtlCall *call, GError **error);
gboolean ctl_prepare_offset(CtlCall *call, GError **error);
gboolean ctl_prepare_fault_id(CtlCall *call, GError **error);

/* ctl-print.c */
extern const OutputColumn ctl_service_columns[], ctl_pair_columns[], ctl_ip_columns[];
extern const OutputColumn ctl_heartbeat_columns[], ctl_fault_columns[];
void ctl_print_info(FILE *stream, struct json_object *answer);
void ctl_print_value(FILE *stream, struct json_object *answer);
void ctl_print_service(FILE *stream, struct json_object *answer);
void ctl_print_event(FILE *stream, struct json_object *answer);
void ctl_print_offset(FILE *stream, struct json_object *answer);
void ctl_print_id(FILE *stream, struct json_object *answer);
void ctl_print_trace(FILE *stream, struct json_object *answer);
HvisExit ctl_judge_heartbeat(struct json_object *answer, GError **error);

/* ctl-backup.c */
void ctl_print_backup(FILE *stream, struct json_object *answer);
HvisExit ctl_judge_backup(struct json_object *answer, GError **error);

/* ctl-copy.c */
gboolean ctl_prepare_copy(CtlCall *call, GError **error);
gboolean ctl_open_source(CtlCall *call, GError **error);
void ctl_progress_copy(FILE *terminal, struct json_object *answer);
void ctl_print_copy(FILE *stream, struct json_object *answer);
HvisExit ctl_judge_copy(struct json_object *answer, GError **error);

/* ctl-raw.c */
gboolean ctl_prepare_fcopy_raw(CtlCall *call, GError **error);
void ctl_print_answer(FILE *stream, struct json_object *answer);
HvisExit ctl_judge_answer(struct json_object *answer, GError **error);
