/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: what the journal has about our programs: errors of this boot, and what SELinux or AppArmor denied. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "hvctl/command.h"
#include "hvctl/doctor-checks.h"
#include "util/fd.h"

/* --- errors --- */

/* What "hvctl logs" shows, the errors of this boot alone. */
static char *command_line(void)
{
	const HvctlRequest request = { .lines = -1 };
	g_auto(GStrv) argv = hvctl_logs_argv(&request);
	g_autofree char *matches = g_strjoinv(" ", argv + 1);

	return g_strconcat("journalctl -b -q --no-pager -o cat -p err ", matches, NULL);
}

void doctor_check_journal(Doctor *doctor)
{
	g_autofree char *line = command_line();
	g_auto(GStrv) lines = NULL;
	const char *text;
	guint n;

	if (!doctor_has_systemd(doctor))
		return;
	text = doctor->is_root ? doctor_output(doctor, line) : NULL;
	lines = g_strsplit(text ? text : "", "\n", -1);
	n = g_strv_length(lines);
	if (n > 0 && !*lines[n - 1])
		n--;
	if (!doctor->is_root)
		doctor_say(doctor, "unknown", NULL, "sudo hvctl logs",
			"what the services have logged only root can see");
	else if (!text)
		doctor_say(doctor, "unknown", NULL, "hvctl logs",
			"journalctl does not tell in time what the services have logged");
	else if (n > 0)
		doctor_say(doctor, "errors", NULL, "hvctl logs",
			"%u error%s of the services in this boot; the last one: %s", n,
			n == 1 ? "" : "s", lines[n - 1]);
	else
		doctor_say(doctor, "ok", NULL, NULL, "no error of the services in this boot");
}

/* --- denials --- */

#define KERNEL_LOG "journalctl -b -q --no-pager -o cat _TRANSPORT=kernel + _TRANSPORT=audit"
#define END_MAX (4 << 20) /* ours: of a log of audit */

static const char *const programs[] = { "hv_kvp_daemon", "hv_vss_", "hv_fcopy_daemon",
	"hvis_ip_helper", "hypervkvp", "hypervvss", "hvctl" };

/* A denial about one of ours, by the name of the program, the profile, or the domain. */
static gboolean is_denial(const char *line)
{
	if (!strstr(line, "apparmor=\"DENIED\"") && !strstr(line, "avc:  denied"))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
		if (strstr(line, programs[i]))
			return TRUE;
	return FALSE;
}

/* How many lines of @text are; the last one becomes *@last. */
static guint count(const char *text, char **last)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	guint n = 0;

	for (char **line = lines; *line; line++) {
		if (!is_denial(*line))
			continue;
		n++;
		g_free(*last);
		*last = g_strdup(*line);
	}
	return n;
}

/* When the machine has booted, in the words of audit: "audit(1700000000". Lines before are of another boot. */
static char *since_boot(const Doctor *doctor, char *log)
{
	g_autofree char *stat = doctor_read(doctor, "/proc/stat");
	const char *btime = stat ? strstr(stat, "\nbtime ") : NULL;
	gint64 boot = btime ? g_ascii_strtoll(btime + strlen("\nbtime "), NULL, 10) : 0;
	g_auto(GStrv) lines = g_strsplit(log ? log : "", "\n", -1);
	GString *kept = g_string_new(NULL);

	for (char **line = lines; *line; line++) {
		const char *time = strstr(*line, "audit(");

		if (time && g_ascii_strtoll(time + strlen("audit("), NULL, 10) >= boot)
			g_string_append_printf(kept, "%s\n", *line);
	}
	g_free(log);
	return g_string_free(kept, FALSE);
}

/* The last bytes of a file that may be long, new; NULL where it cannot be read. */
static char *read_end(const Doctor *doctor, const char *name)
{
	g_autofree char *path = doctor_path(doctor, "%s", name);
	hvis_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	g_autofree char *text = NULL;
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t n;

	if (size < 0)
		return NULL;
	text = g_malloc(END_MAX + 1);
	n = pread(fd, text, END_MAX, MAX(0, size - END_MAX));
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return g_steal_pointer(&text);
}

/* "SELinux", "AppArmor", or NULL where neither is on. */
static const char *guardian(const Doctor *doctor)
{
	g_autofree char *apparmor = doctor_read(doctor, "/sys/module/apparmor/parameters/enabled");

	if (doctor_exists(doctor, "/sys/fs/selinux/enforce"))
		return "SELinux";
	return g_strcmp0(apparmor, "Y") == 0 ? "AppArmor" : NULL;
}

static const char *mode_of(const Doctor *doctor)
{
	g_autofree char *enforce = doctor_read(doctor, "/sys/fs/selinux/enforce");

	return g_strcmp0(enforce, "0") == 0 ? ", and let it pass (permissive)" : "";
}

/* auditd has them in its own log; without it the kernel's log has them. */
void doctor_check_denials(Doctor *doctor)
{
	const char *who = guardian(doctor), *kernel;
	g_autofree char *audit = NULL, *last = NULL;
	guint n;

	if (!who) {
		doctor_say(doctor, "ok", NULL, NULL, "neither SELinux nor AppArmor is on");
		return;
	}
	if (!doctor->is_root) {
		doctor_say(doctor, "unknown", NULL, "sudo hvctl doctor denials",
			"what %s has denied only root can see", who);
		return;
	}
	kernel = doctor_output(doctor, doctor_has_systemd(doctor) ? KERNEL_LOG : "dmesg");
	audit = since_boot(doctor, read_end(doctor, "/var/log/audit/audit.log"));
	n = count(kernel, &last) + count(audit, &last);
	if (!kernel)
		doctor_say(doctor, "unknown", NULL, "journalctl -b -k",
			"the kernel's log cannot be read, so nobody knows what %s has denied", who);
	else if (n > 0)
		doctor_say(doctor, "denied", NULL,
			g_str_equal(who, "SELinux") ? "ausearch -m avc -ts boot; audit2why -b; "
						      "restorecon -RFv " HVIS_POOL_DIR
						    : "aa-status; journalctl -b -k -g apparmor",
			"%s has denied our programs something %u times in this boot%s; the last "
			"one: %s",
			who, n, mode_of(doctor), last);
	else
		doctor_say(doctor, "ok", NULL, NULL, "%s has denied our programs nothing", who);
}
