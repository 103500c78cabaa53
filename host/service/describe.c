/* SPDX-License-Identifier: GPL-2.0-only */
/* Services as JSON, for "services" and "info". */
#include "host/service/class.h"

static void add_string(struct json_object *into, const char *key, const char *value)
{
	json_object_object_add(into, key, value ? json_object_new_string(value) : NULL);
}

static void add_count(struct json_object *into, const char *key, guint64 value)
{
	json_object_object_add(into, key, json_object_new_uint64(value));
}

static struct json_object *counters_json(const ServiceCounters *c)
{
	struct json_object *json = json_object_new_object();

	add_count(json, "opens", c->opens);
	add_count(json, "negotiations", c->negotiations);
	add_count(json, "sent", c->sent);
	add_count(json, "received", c->received);
	add_count(json, "completed", c->completed);
	add_count(json, "failed", c->failed);
	add_count(json, "timeouts", c->timeouts);
	add_count(json, "late", c->late);
	add_count(json, "unexpected", c->unexpected);
	add_count(json, "malformed", c->malformed);
	return json;
}

static struct json_object *versions_json(const IcVersion *versions, guint n)
{
	struct json_object *json = json_object_new_array();
	char text[12];

	for (guint i = 0; i < n; i++)
		json_object_array_add(
			json, json_object_new_string(icmsg_version_print(versions[i], text)));
	return json;
}

struct json_object *service_describe(HostService *s)
{
	struct json_object *json = json_object_new_object();
	struct json_object *offer = json_object_new_object();
	IcVersion framework, message;
	gboolean ready = ic_versions(s->ic, &framework, &message);
	char text[12];

	add_string(json, "name", s->class->name);
	add_string(json, "state", service_state_name(ic_state(s->ic)));
	add_string(json, "framework", ready ? icmsg_version_print(framework, text) : NULL);
	add_string(json, "version", ready ? icmsg_version_print(message, text) : NULL);
	json_object_object_add(offer, "framework",
		versions_json(s->options.offer.framework, s->options.offer.n_framework));
	json_object_object_add(offer, "version",
		versions_json(s->options.offer.message, s->options.offer.n_message));
	json_object_object_add(json, "offered", offer);
	json_object_object_add(json, "waiting", json_object_new_int64(ic_waiting(s->ic)));
	json_object_object_add(json, "busy_ms", json_object_new_int64(ic_busy_us(s->ic) / 1000));
	add_string(json, "last_error", ic_last_error(s->ic));
	json_object_object_add(json, "counters", counters_json(ic_counters(s->ic)));
	if (s->class->json)
		s->class->json(s, json);
	return json;
}

struct json_object *services_describe(HostServices *all)
{
	struct json_object *json = json_object_new_object();

	for (guint i = 0; i < services_count(all); i++) {
		HostService *s = services_nth(all, i);

		json_object_object_add(json, s->class->name, service_describe(s));
	}
	return json;
}
