/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: whether our units, or another package's of the same kind, hold the boot up. Times are systemd's. */
#include <string.h>

#include "hvctl/doctor-checks.h"
#include "util/duration.h"

#define SLOW_US G_USEC_PER_SEC /* ours: nobody would see less */
#define SLOW_PART 10 /* ours: of the boot; a machine that is slow in all is not ours to mend */

static gint64 time_of(Doctor *doctor, const char *unit, const char *name)
{
	return g_ascii_strtoll(doctor_unit(doctor, unit, name), NULL, 10);
}

/* Of the manager itself: "systemctl show" without a unit. */
static gint64 time_of_boot(Doctor *doctor)
{
	return time_of(doctor, "--", "FinishTimestampMonotonic") -
	       time_of(doctor, "--", "UserspaceTimestampMonotonic");
}

/* How long the boot has waited for @unit to be up; 0 where it was started later. */
static gint64 delay_of(Doctor *doctor, const char *unit)
{
	gint64 from = time_of(doctor, unit, "InactiveExitTimestampMonotonic");
	gint64 to = time_of(doctor, unit, "ActiveEnterTimestampMonotonic");

	if (from == 0 || to < from || from > time_of(doctor, "--", "FinishTimestampMonotonic"))
		return 0;
	return to - from;
}

static gboolean is_quick(Doctor *doctor, const char *unit)
{
	gint64 delay = delay_of(doctor, unit);
	g_autofree char *took = hvis_duration_text(delay);
	g_autofree char *todo = g_strdup_printf("systemd-analyze critical-chain %s", unit);

	if (delay <= SLOW_US || delay < time_of_boot(doctor) / SLOW_PART)
		return TRUE;
	doctor_say(doctor, "slow", NULL, todo,
		"%s has taken %s to start, and the boot may have waited for it", unit, took);
	return FALSE;
}

/* Jobs that have not come to their end: the first that has to do with the services, new, or NULL. */
static char *find_job(Doctor *doctor)
{
	const char *text =
		doctor_output(doctor, "systemctl list-jobs --no-legend --no-pager --full");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit_set(g_strstrip(*line), " ", -1);
		const char *unit = words[0] ? words[1] : NULL;

		for (char **word = words; unit && !*unit && *word; word++)
			unit = *word;
		if (unit && (strstr(unit, "hv_") || strstr(unit, "hv-") || strstr(unit, "hyperv")))
			return g_strdup(unit);
	}
	return NULL;
}

void doctor_check_boot(Doctor *doctor)
{
	static const char *const units[] = { "hv-kvp-daemon.service", "hv-vss-daemon.service",
		"hv-fcopy-daemon.service", "hvis-ip.service" };
	g_autofree char *job = NULL;
	gboolean good = TRUE;

	if (!doctor_hears_systemd(doctor))
		return;
	job = find_job(doctor);
	if (job) {
		good = FALSE;
		doctor_say(doctor, "waiting", NULL, "systemctl list-jobs --after --before",
			"systemd waits for %s, and whatever comes after it waits, too", job);
	}
	for (guint i = 0; i < G_N_ELEMENTS(units); i++)
		good = is_quick(doctor, units[i]) && good;
	if (good)
		doctor_say(doctor, "ok", NULL, NULL, "no boot waits for these services");
}
