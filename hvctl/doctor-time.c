/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: the time, which the host gives in two ways: to set the clock by, and as a PTP clock to steer it by. */
#include <string.h>

#include "hvctl/doctor-checks.h"
#include "util/process.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0"
#define PTP_NAME "/dev/ptp_hyperv"

/* --- the clock source --- */

static gboolean is_among(const char *name, const char *list)
{
	g_auto(GStrv) names = g_strsplit(list ? list : "", " ", -1);

	return g_strv_contains((const char *const *)names, name);
}

void doctor_check_clocksource(Doctor *doctor)
{
	static const char *const good[] = { "hyperv_clocksource_tsc_page", "tsc",
		"arch_sys_counter", NULL };
	g_autofree char *current = doctor_read(doctor, CLOCKSOURCE "/current_clocksource");
	g_autofree char *available = doctor_read(doctor, CLOCKSOURCE "/available_clocksource");
	const char *better = NULL;
	g_autofree char *todo = NULL;

	if (!current)
		return;
	for (guint i = 0; good[i] && !better; i++)
		if (is_among(good[i], available))
			better = good[i];
	if (g_strv_contains(good, current)) {
		doctor_say(doctor, "ok", NULL, NULL, "the clock source is %s", current);
		return;
	}
	if (!better) {
		doctor_say(doctor, "only", NULL, NULL,
			"the clock source is %s, which is slow; the host gives no better one",
			current);
		return;
	}
	todo = g_strdup_printf("echo %s >" CLOCKSOURCE
			       "/current_clocksource; see clocksource= in /proc/cmdline",
		better);
	doctor_say(doctor, "slow", NULL, todo,
		"the clock source is %s, which is slow; there is %s, too", current, better);
}

/* --- the host's clock --- */

/* The PTP clock that is the host's, "ptp0"; new, or NULL. */
static char *find_ptp(const Doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, "/sys/class/ptp");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *clock = doctor_read(doctor, "/sys/class/ptp/%s/clock_name", name);

		if (g_strcmp0(clock, "hyperv") == 0)
			return g_strdup(name);
	}
	return NULL;
}

void doctor_check_ptp(Doctor *doctor)
{
	g_autofree char *ptp = find_ptp(doctor);

	if (!doctor_is_offered(doctor, doctor_service("timesync")))
		return; /* which offer has told */
	if (!ptp)
		doctor_say(doctor, "missing", "timesync", "modprobe ptp; dmesg | grep -i ptp",
			"the host gives its time, but the kernel made no PTP clock of it");
	else if (doctor_has_systemd(doctor) && !doctor_exists(doctor, PTP_NAME))
		doctor_say(doctor, "unnamed", "timesync",
			"udevadm trigger --action=add --subsystem-match=ptp",
			"the host's clock is /dev/%s, but has not the name " PTP_NAME, ptp);
	else
		doctor_say(doctor, "ok", "timesync", NULL, "the host's clock is /dev/%s", ptp);
}

/* --- who sets ours --- */

static const char *const keepers[] = { "chronyd", "systemd-timesyn", "ntpd", "ntp-daemon",
	"phc2sys", NULL };

/* The names of those that run, each once; new. */
static GPtrArray *find_keepers(const Doctor *doctor)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *proc = doctor_path(doctor, "/proc");
	g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
	const char *pid;

	while (dir && (pid = g_dir_read_name(dir))) {
		g_autofree char *name = NULL;

		if (!g_ascii_isdigit(*pid))
			continue;
		name = hvis_process_name(proc, g_ascii_strtoll(pid, NULL, 10));
		if (name && g_strv_contains(keepers, name) &&
			!g_ptr_array_find_with_equal_func(found, name, g_str_equal, NULL))
			g_ptr_array_add(found, g_steal_pointer(&name));
	}
	return found;
}

/* Whether a line of @text, a file of chrony's, has a PTP clock in it. */
static gboolean has_refclock(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(g_strchug(*line), "refclock PHC"))
			return TRUE;
	return FALSE;
}

static gboolean folder_has_refclock(const Doctor *doctor, const char *folder)
{
	g_autofree char *path = doctor_path(doctor, "%s", folder);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *text = doctor_read(doctor, "%s/%s", folder, name);

		if (has_refclock(text))
			return TRUE;
	}
	return FALSE;
}

static gboolean chrony_uses_host(const Doctor *doctor)
{
	g_autofree char *debian = doctor_read(doctor, "/etc/chrony/chrony.conf");
	g_autofree char *fedora = doctor_read(doctor, "/etc/chrony.conf");

	return has_refclock(debian) || has_refclock(fedora) ||
	       folder_has_refclock(doctor, "/etc/chrony/conf.d") ||
	       folder_has_refclock(doctor, "/etc/chrony.d");
}

void doctor_check_clock(Doctor *doctor)
{
	g_autoptr(GPtrArray) found = find_keepers(doctor);
	g_autofree char *ptp = find_ptp(doctor), *names = NULL;
	const char *first = found->len > 0 ? found->pdata[0] : "";

	g_ptr_array_add(found, NULL);
	names = g_strjoinv(" and ", (char **)found->pdata);
	if (found->len > 2)
		doctor_say(doctor, "two", NULL,
			"disable all but one: systemctl list-units | grep -i -e chrony -e ntp -e "
			"timesync",
			"%s all set the clock, each against the others", names);
	else if (!*first)
		doctor_say(doctor, "none", NULL,
			"install chrony, with \"refclock PHC " PTP_NAME
			" poll 3 dpoll -2 offset 0 stratum 2\" in its configuration",
			"no program keeps the clock right; the host sets it only when the machine "
			"starts or goes on after a pause");
	else if (g_str_equal(first, "chronyd") && ptp && !chrony_uses_host(doctor))
		doctor_say(doctor, "unused", NULL,
			"put \"refclock PHC " PTP_NAME
			" poll 3 dpoll -2 offset 0 stratum 2\" into chrony's configuration",
			"chronyd keeps the clock right, but does not ask the host's clock");
	else
		doctor_say(doctor, "ok", NULL, NULL, "%s keeps the clock right", first);
}

/* --- jumps --- */

#define JUMPS_MAX 3u /* ours: booting, and going on after a pause, may set it */

void doctor_check_jumps(Doctor *doctor)
{
	const char *text;
	guint n = 0;

	if (!doctor_has_systemd(doctor))
		return;
	/* systemd's message "time has been changed" (sd-messages.h) */
	text = doctor_output(doctor,
		"journalctl -b -q --no-pager -o cat MESSAGE_ID=c7a787079b354eaaa9e77b371893cd27");
	for (const char *c = text ? text : ""; *c; c++)
		n += *c == '\n';
	if (!doctor->is_root)
		doctor_say(doctor, "unknown", NULL, "sudo hvctl doctor jumps",
			"whether the clock was set again and again only root can see");
	else if (!text)
		doctor_say(doctor, "unknown", NULL, "hvctl doctor jumps",
			"journalctl does not tell in time whether the clock was set again and "
			"again");
	else if (n > JUMPS_MAX)
		doctor_say(doctor, "often", NULL,
			"hvctl doctor clock ptp offer; journalctl -b -g 'time.*change'",
			"the clock was set %u times since the machine has booted: two programs, or "
			"host "
			"and guest, set it against each other",
			n);
	else
		doctor_say(doctor, "ok", NULL, NULL, "the clock was not set again and again");
}
