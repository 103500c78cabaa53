/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon of few words for the tests of "hvis-host link": registers at the socket, keeps the five
 * pools in memory, answers until it is hung up on. It is not hv_kvp_daemon and shares no code with it.
 * usage: kvp-peer SOCKET
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <hvis/kvp.h>
#include <hvis/link.h>

#define RECORDS_MAX 64

static struct {
	unsigned int n;
	struct hvis_kvp_record list[RECORDS_MAX];
} pools[HVIS_KVP_POOL_N];

static unsigned int find(unsigned int pool, const uint8_t *key)
{
	unsigned int i = 0;

	while (i < pools[pool].n &&
		strncmp(pools[pool].list[i].key, (const char *)key, HVIS_KVP_KEY_MAX))
		i++;
	return i;
}

static uint32_t set(unsigned int pool, const struct hvis_kvp_pair *pair)
{
	unsigned int i = find(pool, pair->key);

	if (i == RECORDS_MAX)
		return HVIS_E_DISK_FULL;
	if (i == pools[pool].n)
		pools[pool].n++;
	memcpy(pools[pool].list[i].key, pair->key, HVIS_KVP_KEY_MAX);
	memcpy(pools[pool].list[i].value, pair->value, HVIS_KVP_VALUE_MAX);
	return HVIS_S_OK;
}

static uint32_t delete (unsigned int pool, const uint8_t *key)
{
	unsigned int i = find(pool, key);

	if (i == pools[pool].n)
		return HVIS_E_NOT_FOUND;
	pools[pool].n--;
	memmove(&pools[pool].list[i], &pools[pool].list[i + 1],
		(pools[pool].n - i) * sizeof(pools[pool].list[0]));
	return HVIS_S_OK;
}

static uint32_t enumerate(unsigned int pool, struct hvis_kvp_enumerate *e)
{
	uint32_t i = hvis_le32_get(e->index);
	const struct hvis_kvp_record *record;

	if (i >= pools[pool].n)
		return HVIS_E_NO_MORE_ITEMS;
	record = &pools[pool].list[i];
	e->pair.type = hvis_le32_make(HVIS_KVP_REG_SZ);
	e->pair.key_size = hvis_le32_make((uint32_t)strnlen(record->key, HVIS_KVP_KEY_MAX - 1) + 1);
	e->pair.value_size =
		hvis_le32_make((uint32_t)strnlen(record->value, HVIS_KVP_VALUE_MAX - 1) + 1);
	memcpy(e->pair.key, record->key, HVIS_KVP_KEY_MAX);
	memcpy(e->pair.value, record->value, HVIS_KVP_VALUE_MAX);
	return HVIS_S_OK;
}

static uint32_t ip_info(struct hvis_kvp_ip *ip)
{
	if (strcmp((const char *)ip->adapter_id, "00:15:5D:00:00:01"))
		return HVIS_E_INVALIDARG;
	ip->family = HVIS_KVP_FAMILY_IPV4;
	ip->dhcp = 1;
	memcpy(ip->address, "192.0.2.5", sizeof("192.0.2.5"));
	memcpy(ip->subnet, "255.255.255.0", sizeof("255.255.255.0"));
	memcpy(ip->gateway, "192.0.2.1", sizeof("192.0.2.1"));
	return HVIS_S_OK;
}

static uint32_t answer(struct hvis_kvp_dev_msg *m)
{
	unsigned int pool = m->hdr.pool;

	if (pool >= HVIS_KVP_POOL_N)
		return HVIS_E_INVALIDARG;
	switch (m->hdr.op) {
	case HVIS_KVP_OP_SET:
		return set(pool, &m->body.set);
	case HVIS_KVP_OP_DELETE:
		return delete (pool, m->body.del.key);
	case HVIS_KVP_OP_ENUMERATE:
		return enumerate(pool, &m->body.enumerate);
	case HVIS_KVP_OP_GET_IP_INFO:
		return ip_info(&m->body.ip);
	case HVIS_KVP_OP_SET_IP_INFO:
		return strstr((const char *)m->body.ip.address, "192.0.2.99") ? HVIS_S_OK
									      : HVIS_E_INVALIDARG;
	default:
		return HVIS_E_FAIL;
	}
}

static int connect_device(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hvis_link_notice notice;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
		recv(fd, &notice, sizeof(notice), 0) != sizeof(notice)) {
		close(fd);
		return -1;
	}
	errno = (int)hvis_le32_get(notice.error);
	if (!errno)
		return fd;
	close(fd);
	return -1;
}

static int serve(int fd)
{
	struct hvis_kvp_dev_msg m = { .hdr = { .op = HVIS_KVP_OP_REGISTER1 } };
	ssize_t n;

	if (send(fd, &m, sizeof(m), 0) != sizeof(m) || recv(fd, &m, sizeof(m), 0) != sizeof(m) ||
		m.hdr.op != HVIS_KVP_OP_REGISTER1)
		return 1;
	while ((n = recv(fd, &m, sizeof(m), 0)) > 0) {
		uint32_t status;

		if (n != sizeof(m)) {
			fprintf(stderr, "kvp-peer: a message of %zd bytes\n", n);
			continue;
		}
		status = answer(&m);
		m.status = hvis_le32_make(status);
		if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
			break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? connect_device(argv[1]) : -1;

	if (fd < 0) {
		perror("kvp-peer");
		return 1;
	}
	return serve(fd);
}
