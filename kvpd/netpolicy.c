/* SPDX-License-Identifier: GPL-2.0-only */
/* The reasons, in the order in which they are looked for. */
#include "config.h"

#include "kvpd/netpolicy.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/socket.h>

#include "kvpd/netstate.h"

static const NetPolicy *built_in(void)
{
	static NetPolicy policy = { .link_local = TRUE };
	static gsize once;

	if (g_once_init_enter(&once)) {
		policy.include = g_strsplit(NET_POLICY_INCLUDE, " ", -1);
		policy.exclude = g_strsplit(NET_POLICY_EXCLUDE, " ", -1);
		g_once_init_leave(&once, 1);
	}
	return &policy;
}

static char **copy_list(HvisConfig *config, const char *key)
{
	return g_strdupv((char **)(guintptr)hvis_config_list(config, "kvp", key));
}

static char *copy_origin(HvisConfig *config, const char *key)
{
	return g_strdup(hvis_config_origin(config, "kvp", key));
}

NetPolicy *net_policy_new(HvisConfig *config)
{
	NetPolicy *policy = g_new0(NetPolicy, 1);

	g_atomic_ref_count_init(&policy->refs);
	policy->include = copy_list(config, "IncludeInterfaces");
	policy->include_origin = copy_origin(config, "IncludeInterfaces");
	policy->exclude = copy_list(config, "ExcludeInterfaces");
	policy->exclude_origin = copy_origin(config, "ExcludeInterfaces");
	policy->link_local = hvis_config_bool(config, "kvp", "LinkLocal");
	policy->link_local_origin = copy_origin(config, "LinkLocal");
	policy->temporary = hvis_config_bool(config, "kvp", "TemporaryAddresses");
	policy->temporary_origin = copy_origin(config, "TemporaryAddresses");
	return policy;
}

NetPolicy *net_policy_ref(NetPolicy *policy)
{
	g_atomic_ref_count_inc(&policy->refs);
	return policy;
}

void net_policy_unref(NetPolicy *policy)
{
	if (!policy || !g_atomic_ref_count_dec(&policy->refs))
		return;
	g_strfreev(policy->include);
	g_strfreev(policy->exclude);
	g_free(policy->include_origin);
	g_free(policy->exclude_origin);
	g_free(policy->link_local_origin);
	g_free(policy->temporary_origin);
	g_free(policy);
}

/* FALSE, and why. */
static gboolean no(char **ret_why, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean no(char **ret_why, const char *format, ...)
{
	va_list ap;

	if (!ret_why)
		return FALSE;
	va_start(ap, format);
	*ret_why = g_strdup_vprintf(format, ap);
	va_end(ap);
	return FALSE;
}

static const char *origin_text(const char *origin)
{
	return origin ? origin : "built in";
}

static const char *match(char **patterns, const char *name)
{
	for (char **pattern = patterns; *pattern; pattern++) {
		if (fnmatch(*pattern, name, 0) == 0)
			return *pattern;
	}
	return NULL;
}

gboolean net_policy_adapter(
	const NetPolicy *policy, const NetInterface *interface, const char *master, char **ret_why)
{
	const char *pattern;

	if (!policy)
		policy = built_in();
	if (!interface->name)
		return no(ret_why, "no such link");
	if (interface->loopback)
		return no(ret_why, "loopback");
	if (interface->function_of != 0)
		return no(ret_why, "SR-IOV function of %s", master ? master : "another interface");
	if (policy->include[0] && !match(policy->include, interface->name))
		return no(ret_why, "no pattern of IncludeInterfaces (%s) has it",
			origin_text(policy->include_origin));
	pattern = match(policy->exclude, interface->name);
	if (pattern)
		return no(ret_why, "excluded by %s (%s)", pattern,
			origin_text(policy->exclude_origin));
	return TRUE;
}

gboolean net_policy_interface(
	const NetPolicy *policy, const NetInterface *interface, const char *master, char **ret_why)
{
	if (!net_policy_adapter(policy, interface, master, ret_why))
		return FALSE;
	return interface->up || no(ret_why, "down");
}

/* fe80::/10 (RFC 4291) and 169.254.0.0/16 (RFC 3927). */
static gboolean is_link_local(const NetAddress *address)
{
	if (address->family == AF_INET)
		return address->bytes[0] == 169 && address->bytes[1] == 254;
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static gboolean is_loopback(const NetAddress *address)
{
	static const guint8 one[16] = { [15] = 1 };

	if (address->family == AF_INET)
		return address->bytes[0] == 127;
	return memcmp(address->bytes, one, sizeof(one)) == 0;
}

gboolean net_policy_address(const NetPolicy *policy, const NetAddress *address, char **ret_why)
{
	if (!policy)
		policy = built_in();
	if (is_loopback(address))
		return no(ret_why, "loopback");
	if (address->unusable)
		return no(ret_why, "not known to be the only one: tentative, or a duplicate");
	if (is_link_local(address) && !policy->link_local)
		return no(ret_why, "link-local, by LinkLocal=no (%s)",
			origin_text(policy->link_local_origin));
	if (address->temporary && !policy->temporary)
		return no(ret_why, "temporary, by TemporaryAddresses=no (%s)",
			origin_text(policy->temporary_origin));
	/* Without a lifetime it is an administrator's way to keep it from being a source. */
	if (address->deprecated && address->dynamic)
		return no(ret_why, "deprecated: its preferred lifetime is over");
	return TRUE;
}
