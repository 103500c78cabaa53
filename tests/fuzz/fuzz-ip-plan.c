/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lists of SET_IP_INFO, any text, each up to its NUL: refused, or a plan that survives JSON and
 * of which every manager's file has lines that we know, and no other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <util/error.h>
#include <wire/ip-plan.h>

#include "ipd/backend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(gboolean good)
{
	if (!good)
		abort();
}

/* The next text of the input, cut to @max with its NUL. */
static void take(const uint8_t **data, size_t *size, char *ret, gsize max)
{
	gsize len = strnlen((const char *)*data, *size);
	gsize used = MIN(len, max - 1);

	memcpy(ret, *data, used);
	ret[used] = '\0';
	len += len < *size;
	*data += len;
	*size -= len;
}

/* Nothing of the host's text gets into a file but addresses. */
static void check_work(const IpWork *work)
{
	for (guint i = 0; i < work->files->len; i++) {
		const IpFile *file = work->files->pdata[i];
		const char *text = file->content;

		check(text[strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS
			      " \t\n.:;/_-=[]\"()#*,")] == '\0');
	}
}

static void check_plan(const IpPlan *plan)
{
	static const IpTarget target = { "eth0", 3, { 0, 0x15, 0x5d, 0, 0, 7 }, TRUE, TRUE };
	struct json_object *json = ip_plan_to_json(plan);
	g_autoptr(IpPlan) back = ip_plan_from_json(json, NULL);

	json_object_put(json);
	check(back && back->dhcp == plan->dhcp && back->addresses->len == plan->addresses->len &&
		back->dns->len == plan->dns->len &&
		memcmp(back->has_gateway, plan->has_gateway, sizeof(back->has_gateway)) == 0);
	for (guint i = 0; i < IP_BACKEND_N; i++) {
		g_autoptr(IpWork) work =
			ip_backend_render((IpBackend)i, "/nonexistent", &target, plan, NULL);

		check(work != NULL);
		check_work(work);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const guint8 mac[6] = { 0, 0x15, 0x5d, 0, 0, 7 };
	g_autofree KvpIp *ip = g_new0(KvpIp, 1);
	g_autoptr(GError) error = NULL;
	g_autoptr(IpPlan) plan = NULL;
	guint8 ignored[6];

	if (size < 1)
		return 0;
	ip->dhcp = data[0] & 1;
	data++;
	size--;
	take(&data, &size, ip->adapter, sizeof(ip->adapter));
	take(&data, &size, ip->address, sizeof(ip->address));
	take(&data, &size, ip->subnet, sizeof(ip->subnet));
	take(&data, &size, ip->gateway, sizeof(ip->gateway));
	take(&data, &size, ip->dns, sizeof(ip->dns));
	(void)ip_mac_parse(ip->adapter, ignored, NULL);
	plan = ip_plan_from_host(ip, mac, &error);
	if (plan)
		check_plan(plan);
	else
		check(hvis_error_is(error, HVIS_ERROR_INVALID) && error->message[0]);
	return 0;
}
