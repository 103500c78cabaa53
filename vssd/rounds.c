/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A round is a walk over the hooks of one reading of the folder: up for prepare and freeze, down for thaw.
 * The hooks that were called freeze for are those that are thawed, whatever the folder has by then.
 */
#include "config.h"

#include "vssd/rounds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <util/duration.h>
#include <util/error.h>
#include <util/fd.h>
#include <util/file.h>

#define MARKER_HEAD "# hv_vss_daemon: hooks that have seen freeze"
#define MARKER_MAX 8192u /* bytes */
#define OTHERS_MS 120000 /* ours: for the thaws that a former daemon's hooks call themselves */
#define AGAIN_MS 100 /* between two looks at that */
#define WORDS_MAX 200 /* ours: characters of a hook's own words within a reason, … */
#define WHY_MAX 400 /* … and of a reason that is told with the backup */
#define MOUNTS_MAX                                                                                 \
	65536u /* bytes of HVIS_MOUNTS; a process's environment has room for 128 KiB of it */

typedef enum {
	RESTING,
	PREPARING,
	FREEZING,
	HELD, /* between freeze and thaw */
	THAWING,
} Phase;

typedef struct {
	const VssHook *hook;
	VssHookRun *run;
	gboolean saw; /* freeze, and no thaw yet */
} Participant;

/* What a round is begun with. */
typedef struct {
	Phase phase; /* RESTING: nothing is wanted */
	char *kind, *mounts;
	gboolean asks; /* prepare before freeze, in one round */
} Wish;

struct VssRounds {
	const VssRoundsOptions *options;
	const VssRoundsOps *ops;
	gpointer data;
	Phase phase;
	Wish wish, next; /* of this round; of the one after it */
	GPtrArray *hooks; /* of VssHook, as the folder was when the backup began */
	GPtrArray *participants; /* of Participant, in the same order */
	guint place; /* of the one that is called; of the one after it on the way down */
	gint64 until_us; /* monotonic: the end of all calls on the way up */
	VssHookVerb verb; /* that is called */
	VssRoundsEnd how;
	struct json_object *problems; /* of this round, or the last one; NULL: there was none */
	gboolean stopped, recovering;
	char *id;
	int lock; /* shared with each hv_vss_hook; -1: none */
	guint others; /* timer: until those of a former daemon are through */
};

/* --- life --- */

static void wish_clear(Wish *wish)
{
	g_free(wish->kind);
	g_free(wish->mounts);
	*wish = (Wish){ .phase = RESTING };
}

static void participant_free(gpointer data)
{
	Participant *one = data;

	vss_hook_run_free(one->run);
	g_free(one);
}

static Participant *participant(const VssRounds *rounds, guint place)
{
	return (Participant *)g_ptr_array_index(rounds->participants, place);
}

VssRounds *vss_rounds_new(const VssRoundsOptions *options, const VssRoundsOps *ops, gpointer data)
{
	VssRounds *rounds = g_new0(VssRounds, 1);

	rounds->options = options;
	rounds->ops = ops;
	rounds->data = data;
	rounds->lock = -1;
	return rounds;
}

static void forget(VssRounds *rounds)
{
	g_clear_handle_id(&rounds->others, g_source_remove);
	hvis_fd_clear(&rounds->lock);
	g_clear_pointer(&rounds->participants, g_ptr_array_unref);
	g_clear_pointer(&rounds->hooks, g_ptr_array_unref);
	g_clear_pointer(&rounds->id, g_free);
	wish_clear(&rounds->wish);
	rounds->stopped = rounds->recovering = FALSE;
	rounds->phase = RESTING;
}

void vss_rounds_free(VssRounds *rounds)
{
	if (!rounds)
		return;
	forget(rounds);
	wish_clear(&rounds->next);
	json_object_put(rounds->problems);
	g_free(rounds);
}

gboolean vss_rounds_is_idle(const VssRounds *rounds)
{
	return rounds->phase == RESTING;
}

/* --- the marker --- */

/* Those who have seen freeze and not thaw, in a file; none where there is nobody. */
static gboolean note(const VssRounds *rounds, GError **error)
{
	g_autoptr(GString) text = g_string_new(MARKER_HEAD "\n");
	gboolean any = FALSE;

	g_string_append_printf(text, "%s\n", rounds->id);
	for (guint i = 0; i < rounds->participants->len; i++) {
		const Participant *one = participant(rounds, i);

		any = any || one->saw;
		if (one->saw)
			g_string_append_printf(text, "%s\n", one->hook->name);
	}
	if (any)
		return hvis_file_write(rounds->options->marker, text->str, text->len, 0600, error);
	if (unlink(rounds->options->marker) < 0 && errno != ENOENT)
		return hvis_fail_errno(error, errno, "remove %s", rounds->options->marker);
	return TRUE;
}

static gboolean is_marker(char **lines)
{
	guint n = g_strv_length(lines);

	if (n < 4 || !g_str_equal(lines[0], MARKER_HEAD) || !g_uuid_string_is_valid(lines[1]) ||
		lines[n - 1][0] != '\0')
		return FALSE;
	for (guint i = 2; i < n - 1; i++)
		if (!vss_hook_name_is(lines[i]))
			return FALSE;
	return TRUE;
}

/* Its lines without the head: the backup, and a hook each. NULL where there is none. */
static char **read_marker(const VssRounds *rounds, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (access(rounds->options->marker, F_OK) < 0 && errno == ENOENT)
		return NULL;
	text = hvis_file_read(rounds->options->marker, MARKER_MAX, NULL, error);
	if (!text)
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	if (!is_marker(lines)) {
		hvis_fail(error, HVIS_ERROR_INVALID, "%s is damaged", rounds->options->marker);
		return NULL;
	}
	g_clear_pointer(&lines[g_strv_length(lines) - 1], g_free);
	return g_strdupv(lines + 1);
}

/* --- what is said --- */

static void say(VssRounds *rounds, HvisLogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void say(VssRounds *rounds, HvisLogLevel level, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	rounds->ops->say(level, text, rounds->data);
}

static void say_result(VssRounds *rounds, const VssHook *hook, const VssHookResult *result)
{
	HvisLogLevel level = result->why ? HVIS_LOG_WARNING : HVIS_LOG_INFO;
	const char *verb = vss_hook_verb_name(rounds->verb);
	g_autofree char *took = hvis_duration_text(result->took_us);
	g_auto(GStrv) lines = g_strsplit(result->output, "\n", -1);

	if (result->why)
		say(rounds, level, "Hook %s: %s failed: %s", hook->name, verb, result->why);
	else
		say(rounds, level, "Hook %s: %s took %s", hook->name, verb, took);
	if (result->dropped > 0)
		say(rounds, HVIS_LOG_INFO,
			"Hook %s: of what it wrote the first %" G_GUINT64_FORMAT
			" bytes are not kept",
			hook->name, result->dropped);
	for (char **line = lines; *line; line++)
		if (**line)
			say(rounds, HVIS_LOG_INFO, "Hook %s: | %s", hook->name, *line);
}

/* Of what a hook has said the last line, which is where a reason would be; "" where there is none. */
static char *last_line(const char *output)
{
	g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

	for (guint n = g_strv_length(lines); n > 0; n--)
		if (*g_strstrip(lines[n - 1]))
			return g_utf8_substring(
				lines[n - 1], 0, MIN(g_utf8_strlen(lines[n - 1], -1), WORDS_MAX));
	return g_strdup("");
}

/* "exit status 3: no space left" */
static char *reason_of(const VssHookResult *result)
{
	g_autofree char *words = last_line(result->output);

	return result->why ? g_strconcat(result->why, *words ? ": " : "", words, NULL) : NULL;
}

static void problems_begin(VssRounds *rounds)
{
	json_object_put(rounds->problems); /* the entry of the backup has it, too */
	rounds->problems = json_object_new_array();
}

static void add_problem(VssRounds *rounds, const char *name, VssHookVerb verb, const char *why)
{
	g_autofree char *text = g_utf8_substring(why, 0, MIN(g_utf8_strlen(why, -1), WHY_MAX));
	struct json_object *problem;

	if (json_object_array_length(rounds->problems) == VSS_ROUNDS_PROBLEMS_MAX)
		return;
	problem = json_object_new_object();
	json_object_object_add(problem, "hook", json_object_new_string(name));
	json_object_object_add(problem, "verb", json_object_new_string(vss_hook_verb_name(verb)));
	json_object_object_add(problem, "error", json_object_new_string(text));
	json_object_array_add(rounds->problems, problem);
}

struct json_object *vss_rounds_problems(const VssRounds *rounds)
{
	return rounds->phase == HELD ? rounds->problems : NULL;
}

/* --- a call --- */

static const char *state_of(const VssRounds *rounds)
{
	if (rounds->recovering)
		return "recovering";
	if (rounds->verb == VSS_HOOK_PREPARE)
		return "checking";
	if (rounds->phase == FREEZING)
		return "freezing";
	return rounds->how == VSS_ROUNDS_THAWED ? "thawed" : "failed";
}

static char **environment_of(const VssRounds *rounds, const VssHook *hook, guint limit_ms)
{
	GPtrArray *env = g_ptr_array_new();

	g_ptr_array_add(
		env, g_strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	g_ptr_array_add(env, g_strdup("LANG=C.UTF-8"));
	g_ptr_array_add(env, g_strdup_printf("HVIS_HOOK=%s", hook->name));
	g_ptr_array_add(env, g_strdup_printf("HVIS_HOOKS=%s%s", rounds->options->run.root,
				     rounds->options->folder));
	g_ptr_array_add(env, g_strdup_printf("HVIS_STATE=%s", state_of(rounds)));
	g_ptr_array_add(env, g_strdup_printf("HVIS_BACKUP_ID=%s", rounds->id));
	g_ptr_array_add(env, g_strdup_printf("HVIS_TIMEOUT=%u", (limit_ms + 999) / 1000));
	if (rounds->wish.kind)
		g_ptr_array_add(env, g_strdup_printf("HVIS_KIND=%s", rounds->wish.kind));
	if (rounds->wish.mounts)
		g_ptr_array_add(env, g_strdup_printf("HVIS_MOUNTS=%s", rounds->wish.mounts));
	g_ptr_array_add(env, NULL);
	return (char **)g_ptr_array_free(env, FALSE);
}

static void on_called(const VssHookResult *result, gpointer data);

static void call(VssRounds *rounds, Participant *one, VssHookVerb verb, guint limit_ms)
{
	g_auto(GStrv) env = NULL;

	rounds->verb = verb;
	env = environment_of(rounds, one->hook, limit_ms);
	vss_hook_run_call(one->run, verb, limit_ms, (const char *const *)env, on_called, rounds);
}

/* --- down --- */

static void begin(VssRounds *rounds);

static void end_of_thaw(VssRounds *rounds)
{
	forget(rounds);
	rounds->ops->thawed(rounds->data);
	if (rounds->next.phase != RESTING) {
		rounds->wish = rounds->next;
		rounds->next = (Wish){ .phase = RESTING };
		begin(rounds);
	} else
		rounds->ops->idle(rounds->data);
}

/* The next one on the way down. */
static void step_down(VssRounds *rounds)
{
	while (rounds->place > 0) {
		Participant *one = participant(rounds, rounds->place - 1);

		if (one->saw) {
			gboolean fail = rounds->how == VSS_ROUNDS_NOT_FROZEN;

			call(rounds, one, fail ? VSS_HOOK_FREEZE_FAILED : VSS_HOOK_THAW,
				one->hook->timeout_ms);
			return;
		}
		rounds->place--;
	}
	end_of_thaw(rounds);
}

static void on_called_down(VssRounds *rounds, Participant *one)
{
	g_autoptr(GError) error = NULL;

	if (rounds->verb == VSS_HOOK_FREEZE_FAILED) {
		call(rounds, one, VSS_HOOK_THAW, one->hook->timeout_ms);
		return;
	}
	one->saw = FALSE;
	if (!note(rounds, &error))
		say(rounds, HVIS_LOG_WARNING, "%s", error->message);
	rounds->place--;
	step_down(rounds);
}

void vss_rounds_thaw(VssRounds *rounds, VssRoundsEnd how)
{
	if (rounds->phase != HELD)
		return;
	rounds->phase = THAWING;
	rounds->how = how;
	rounds->place = rounds->participants->len;
	step_down(rounds);
}

/* --- up --- */

/* A prepare leaves nothing behind; a freeze waits for its thaw. */
static void end_of_way_up(VssRounds *rounds, const char *problem)
{
	if (rounds->phase == PREPARING) {
		forget(rounds);
		rounds->ops->prepared(problem, rounds->data);
	} else {
		rounds->phase = HELD;
		rounds->ops->frozen(problem, rounds->data);
	}
}

/* What @one did not do, because of @why: TRUE where that does not matter. */
static gboolean excuse(VssRounds *rounds, const Participant *one, const char *why)
{
	g_autofree char *problem = NULL;

	if (one->hook->ignore && !rounds->stopped)
		return TRUE;
	problem = g_strdup_printf(
		"hook %s: %s: %s", one->hook->name, vss_hook_verb_name(rounds->verb), why);
	end_of_way_up(rounds, problem);
	return FALSE;
}

/* Begin with @one. NULL, or why not. */
static char *call_up(VssRounds *rounds, Participant *one)
{
	gint64 left_ms = (rounds->until_us - g_get_monotonic_time()) / 1000;
	g_autoptr(GError) error = NULL;

	if (one->hook->problem)
		return g_strdup(one->hook->problem);
	if (left_ms <= 0)
		return g_strdup("the hooks before it have taken all of the time");
	if (rounds->verb == VSS_HOOK_FREEZE) {
		one->saw = TRUE;
		if (!note(rounds, &error)) {
			one->saw = FALSE;
			return g_strdup(error->message);
		}
	}
	call(rounds, one, rounds->verb, (guint)MIN(left_ms, one->hook->timeout_ms));
	return NULL;
}

static void step_up(VssRounds *rounds);

static void go_up(VssRounds *rounds, VssHookVerb verb)
{
	guint ms = verb == VSS_HOOK_PREPARE ? VSS_ROUNDS_PREPARE_MS : VSS_ROUNDS_FREEZE_MS;

	rounds->verb = verb;
	rounds->place = 0;
	rounds->until_us = g_get_monotonic_time() + ms * (gint64)1000;
	step_up(rounds);
}

/* The next one on the way up. */
static void step_up(VssRounds *rounds)
{
	for (; rounds->place < rounds->participants->len; rounds->place++) {
		Participant *one = participant(rounds, rounds->place);
		g_autofree char *why = call_up(rounds, one);

		if (!why)
			return;
		say(rounds, HVIS_LOG_WARNING, "Hook %s is not called: %s", one->hook->name, why);
		add_problem(rounds, one->hook->name, rounds->verb, why);
		if (!excuse(rounds, one, why))
			return;
	}
	if (rounds->phase == FREEZING && rounds->verb == VSS_HOOK_PREPARE)
		go_up(rounds, VSS_HOOK_FREEZE);
	else
		end_of_way_up(rounds, NULL);
}

static void on_called_up(VssRounds *rounds, const Participant *one, const VssHookResult *result)
{
	g_autofree char *reason = reason_of(result);
	const char *why = rounds->stopped ? "it was called off" : reason;

	if (why && !excuse(rounds, one, why))
		return;
	rounds->place++;
	step_up(rounds);
}

static void on_called(const VssHookResult *result, gpointer data)
{
	VssRounds *rounds = data;
	gboolean down = rounds->phase == THAWING;
	Participant *one = participant(rounds, down ? rounds->place - 1 : rounds->place);

	say_result(rounds, one->hook, result);
	if (result->why) {
		g_autofree char *reason = reason_of(result);

		add_problem(rounds, one->hook->name, rounds->verb, reason);
	}
	if (down)
		on_called_down(rounds, one);
	else
		on_called_up(rounds, one, result);
}

/* --- the beginning --- */

/*
 * Whoever calls a hook has this file locked, and every hv_vss_hook has it for as long as it is there. So the next
 * daemon knows whether one of those that a killed one has left is still about to call thaw. Without it, as where
 * there is no space, that is not known.
 */
static int open_lock(const VssRounds *rounds, int operation, gboolean *ret_taken)
{
	g_autofree char *path = g_strconcat(rounds->options->marker, ".lock", NULL);
	hvis_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && flock(fd, operation | LOCK_NB) < 0) {
		*ret_taken = errno == EWOULDBLOCK;
		return -1;
	}
	return hvis_fd_steal(&fd);
}

static void take_part(VssRounds *rounds, const VssHook *hook, gboolean saw)
{
	Participant *one = g_new(Participant, 1);

	*one = (Participant){ hook, vss_hook_run_new(&rounds->options->run, hook, rounds->lock),
		saw };
	g_ptr_array_add(rounds->participants, one);
}

static GPtrArray *read_folder(const VssRounds *rounds, GError **error)
{
	return vss_hooks_read(rounds->options->run.root, rounds->options->folder, error);
}

static void begin(VssRounds *rounds)
{
	gboolean prepare = rounds->wish.phase == PREPARING, taken;
	g_autoptr(GError) error = NULL;

	rounds->phase = rounds->wish.phase;
	rounds->participants = g_ptr_array_new_with_free_func(participant_free);
	rounds->id = g_uuid_string_random();
	problems_begin(rounds);
	if (rounds->options->enabled)
		rounds->hooks = read_folder(rounds, &error);
	if (!prepare && rounds->hooks && rounds->hooks->len > 0)
		rounds->lock = open_lock(rounds, LOCK_SH, &taken);
	for (guint i = 0; rounds->hooks && i < rounds->hooks->len; i++)
		take_part(rounds, (const VssHook *)g_ptr_array_index(rounds->hooks, i), FALSE);
	if (error)
		end_of_way_up(rounds, error->message);
	else
		go_up(rounds, prepare || rounds->wish.asks ? VSS_HOOK_PREPARE : VSS_HOOK_FREEZE);
}

/* Line by line; a newline of a name is \012 and a backslash \134, as in mountinfo of proc(5). */
static char *mounts_text(const GPtrArray *mounts)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < mounts->len; i++) {
		for (const char *c = (const char *)g_ptr_array_index(mounts, i); *c; c++) {
			if (*c == '\n' || *c == '\\')
				g_string_append_printf(text, "\\%03o", (guint)*c);
			else
				g_string_append_c(text, *c);
		}
		g_string_append_c(text, '\n');
	}
	if (text->len > MOUNTS_MAX)
		return NULL;
	if (text->len > 0)
		g_string_truncate(
			text, text->len - 1); /* of the last line, whose name may end in a blank */
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void wish_for(
	VssRounds *rounds, Phase phase, const char *kind, const GPtrArray *mounts, gboolean asks)
{
	Wish wish = { phase, g_strdup(kind), mounts_text(mounts), asks };

	g_return_if_fail(rounds->phase != FREEZING && rounds->phase != HELD);
	if (rounds->phase == THAWING) {
		wish_clear(&rounds->next);
		rounds->next = wish;
		return;
	}
	forget(rounds); /* a prepare that runs */
	rounds->wish = wish;
	begin(rounds);
}

void vss_rounds_prepare(VssRounds *rounds, const GPtrArray *mounts)
{
	wish_for(rounds, PREPARING, "backup", mounts, FALSE);
}

void vss_rounds_freeze(VssRounds *rounds, const GPtrArray *mounts)
{
	wish_for(rounds, FREEZING, "backup", mounts, FALSE);
}

void vss_rounds_rehearse(VssRounds *rounds, const GPtrArray *mounts)
{
	wish_for(rounds, FREEZING, "rehearsal", mounts, TRUE);
}

/* --- out of turn --- */

/* A freeze that waits for its turn has been seen by nobody. */
static void stop_next(VssRounds *rounds)
{
	gboolean freeze = rounds->next.phase == FREEZING;

	wish_clear(&rounds->next);
	if (freeze)
		rounds->ops->frozen("it was called off", rounds->data);
}

void vss_rounds_stop(VssRounds *rounds)
{
	switch (rounds->phase) {
	case RESTING:
	case HELD:
		break;
	case PREPARING:
		forget(rounds);
		break;
	case FREEZING:
		rounds->stopped = TRUE;
		vss_hook_run_cancel(participant(rounds, rounds->place)->run);
		break;
	case THAWING:
		stop_next(rounds);
		break;
	}
}

/* Whether a hook that a former daemon has left is about to thaw by itself: two at once would be wrong. */
static gboolean are_others_there(VssRounds *rounds)
{
	gboolean taken = FALSE;
	hvis_autofd int fd = open_lock(rounds, LOCK_EX, &taken);

	return fd < 0 && taken;
}

static gboolean on_others(gpointer data)
{
	VssRounds *rounds = data;

	if (are_others_there(rounds) && g_get_monotonic_time() < rounds->until_us)
		return G_SOURCE_CONTINUE;
	rounds->others = 0;
	step_down(rounds);
	return G_SOURCE_REMOVE;
}

static void recover(VssRounds *rounds, char **names)
{
	g_autoptr(GError) error = NULL;

	rounds->hooks = read_folder(rounds, &error);
	if (!rounds->hooks)
		say(rounds, HVIS_LOG_ERROR, "No hook can be told to thaw: %s", error->message);
	for (; *names; names++) {
		const VssHook *hook = rounds->hooks ? vss_hooks_find(rounds->hooks, *names) : NULL;

		if (hook && !hook->problem)
			take_part(rounds, hook, TRUE);
		else
			say(rounds, HVIS_LOG_ERROR,
				"Hook %s has seen freeze, and cannot be told to thaw: %s", *names,
				hook ? hook->problem : "it is not there any more");
	}
}

void vss_rounds_recover(VssRounds *rounds)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) lines = read_marker(rounds, &error);

	g_return_if_fail(rounds->phase == RESTING);
	if (error)
		say(rounds, HVIS_LOG_ERROR, "Hooks may have seen freeze and no thaw: %s",
			error->message);
	if (!lines) {
		unlink(rounds->options->marker);
		return;
	}
	rounds->participants = g_ptr_array_new_with_free_func(participant_free);
	rounds->id = g_strdup(lines[0]);
	problems_begin(rounds);
	recover(rounds, lines + 1);
	if (!note(rounds, &error))
		say(rounds, HVIS_LOG_WARNING, "%s", error->message);
	rounds->recovering = TRUE;
	rounds->phase = THAWING;
	rounds->how = VSS_ROUNDS_BROKEN;
	rounds->place = rounds->participants->len;
	rounds->until_us = g_get_monotonic_time() + OTHERS_MS * (gint64)1000;
	if (are_others_there(rounds))
		rounds->others = g_timeout_add(AGAIN_MS, on_others, rounds);
	else
		step_down(rounds);
}
