/* SPDX-License-Identifier: GPL-2.0-only */
/* What the machine shows in files: sysfs, procfs, and what is installed. See doctor.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvctl/doctor.h"
#include "util/file.h"

#define READ_MAX (4u << 20) /* ours: a list of all modules has less than one MiB */
#define AZURE_TAG "7783-7084-3265-9085-8269-3286-77" /* the chassis that Azure's machines have */

static char *path_of(const Doctor *doctor, const char *format, va_list ap)
{
	g_autofree char *path = g_strdup_vprintf(format, ap);

	return g_strconcat(doctor->root, path, NULL);
}

char *doctor_path(const Doctor *doctor, const char *format, ...)
{
	va_list ap;
	char *path;

	va_start(ap, format);
	path = path_of(doctor, format, ap);
	va_end(ap);
	return path;
}

gboolean doctor_exists(const Doctor *doctor, const char *format, ...)
{
	g_autofree char *path = NULL;
	va_list ap;

	va_start(ap, format);
	path = path_of(doctor, format, ap);
	va_end(ap);
	return access(path, F_OK) == 0;
}

char *doctor_read(const Doctor *doctor, const char *format, ...)
{
	g_autofree char *path = NULL;
	va_list ap;
	char *text;

	va_start(ap, format);
	path = path_of(doctor, format, ap);
	va_end(ap);
	text = hvis_file_read(path, READ_MAX, NULL, NULL);
	return text ? g_strstrip(text) : NULL;
}

char *doctor_link(const Doctor *doctor, const char *format, ...)
{
	g_autofree char *path = NULL, *target = NULL;
	va_list ap;

	va_start(ap, format);
	path = path_of(doctor, format, ap);
	va_end(ap);
	target = g_file_read_link(path, NULL);
	return target ? g_path_get_basename(target) : NULL;
}

/* --- the processor --- */

/* A tree has its processor in file "cpuid": lines of leaf, EAX, EBX, ECX and EDX, all hexadecimal. */
static HvisCpuid cpuid_of_tree(const Doctor *doctor, guint32 leaf)
{
	g_autofree char *text = doctor_read(doctor, "/cpuid");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		guint32 at;
		HvisCpuid r;

		if (sscanf(*line, "%x %x %x %x %x", &at, &r.a, &r.b, &r.c, &r.d) == 5 && at == leaf)
			return r;
	}
	return (HvisCpuid){ 0 };
}

HvisCpuid doctor_cpuid(guint32 leaf, guint32 sub, gpointer data)
{
	const Doctor *doctor = data;

	return *doctor->root ? cpuid_of_tree(doctor, leaf) : hvis_cpuid(leaf, sub);
}

HvisIsolation doctor_isolation(Doctor *doctor)
{
	return hvis_isolation_detect(doctor_cpuid, doctor);
}

gboolean doctor_on_azure(const Doctor *doctor)
{
	g_autofree char *tag = doctor_read(doctor, "/sys/class/dmi/id/chassis_asset_tag");

	return g_strcmp0(tag, AZURE_TAG) == 0;
}

/* --- the kernel --- */

char *doctor_release(const Doctor *doctor)
{
	char *release = doctor_read(doctor, "/proc/sys/kernel/osrelease");

	return release ? release : g_strdup("");
}

gboolean doctor_kernel_is(const Doctor *doctor, guint major, guint minor)
{
	g_autofree char *release = doctor_release(doctor);
	guint has_major, has_minor;

	if (sscanf(release, "%u.%u", &has_major, &has_minor) != 2)
		return TRUE;
	return has_major > major || (has_major == major && has_minor >= minor);
}

/* Names have "_" or "-" as their makers liked; the lists have them as the files are called. */
static gboolean is_listed(const char *list, const char *name)
{
	g_autofree char *file = g_strdup_printf("/%s.ko", name);
	g_autofree char *other = g_strdelimit(g_strdup(file), "_", '-');

	return list && (strstr(list, file) || strstr(list, other));
}

gboolean doctor_has_module(const Doctor *doctor, const char *name)
{
	g_autofree char *release = doctor_release(doctor);
	g_autofree char *loadable = doctor_read(doctor, "/lib/modules/%s/modules.dep", release);
	g_autofree char *builtin = doctor_read(doctor, "/lib/modules/%s/modules.builtin", release);

	return is_listed(loadable, name) || is_listed(builtin, name);
}

/* --- the bus --- */

char *doctor_offer(const Doctor *doctor, const char *class)
{
	g_autofree char *devices = doctor_path(doctor, "/sys/bus/vmbus/devices");
	g_autofree char *wanted = g_strconcat("{", class, "}", NULL);
	g_autoptr(GDir) dir = g_dir_open(devices, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *has =
			doctor_read(doctor, "/sys/bus/vmbus/devices/%s/class_id", name);

		if (g_strcmp0(has, wanted) == 0)
			return g_strconcat("/sys/bus/vmbus/devices/", name, NULL);
	}
	return NULL;
}
