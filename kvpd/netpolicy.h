/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which interfaces and addresses the host is told of, and why not: IncludeInterfaces=,
 * ExcludeInterfaces=, LinkLocal= and TemporaryAddresses= of the configuration, and what no
 * configuration changes. The one place for these decisions: lists, the answer about an adapter and
 * "hvctl info nics --explain" all ask here.
 */
#pragma once

#include <glib.h>

#include <util/config.h>

typedef struct NetAddress NetAddress;
typedef struct NetInterface NetInterface;

/*
 * The defaults. Left out are the ends and bridges of containers and virtual machines: their
 * addresses mean nothing outside, and there may be hundreds. The list is that of other guest
 * agents' users, plus what the usual programs name so.
 */
#define NET_POLICY_INCLUDE "*"
#define NET_POLICY_EXCLUDE                                                                         \
	"docker* br-???????????? veth* virbr* vnet* cali* antrea-* cilium_* cni* flannel* "        \
	"kube-* lxc* lxdbr* podman*"

typedef struct {
	gatomicrefcount refs;
	char **include, **exclude; /* fnmatch(3) patterns */
	char *include_origin, *exclude_origin; /* "FILE:LINE"; NULL = built in */
	gboolean link_local, temporary;
	char *link_local_origin, *temporary_origin;
} NetPolicy;

NetPolicy *net_policy_new(HvisConfig *config);
NetPolicy *net_policy_ref(NetPolicy *policy);
void net_policy_unref(NetPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetPolicy, net_policy_unref)

/*
 * Whether the host is told of it. Where it is not and @ret_why is not NULL, that becomes the reason, a
 * new string: "excluded by docker* (built in)". @policy may be NULL: the built-in one.
 * @master is the name of the synthetic interface that an SR-IOV function belongs to, or NULL.
 */
gboolean net_policy_interface(
	const NetPolicy *policy, const NetInterface *interface, const char *master, char **ret_why);

/* The same for the host's question about an adapter, which knows it while it is down, too. */
gboolean net_policy_adapter(
	const NetPolicy *policy, const NetInterface *interface, const char *master, char **ret_why);

gboolean net_policy_address(const NetPolicy *policy, const NetAddress *address, char **ret_why);
