/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message ids of the journal, for what an administrator must act on or may want to find: each has
 * its text in systemd/hvis.catalog, and a test keeps the two together. An id is made once, by
 * systemd-id128(1), and never given to another message.
 */
#pragma once

#define HVIS_MESSAGE_SERVING "287cfd58516748b49932db852caf1f08"
#define HVIS_MESSAGE_DEVICE_GONE "1609ecbe012b4982b9b2f20c66294bbf"
#define HVIS_MESSAGE_DEVICE_BUSY "92239d3c4e4149909ea06bfdfb132ffe"
#define HVIS_MESSAGE_REQUEST_FAILED "e212c3b1d636489fac45047cc852476b"
#define HVIS_MESSAGE_DISK_FULL "16feb1e9576f4ef7934ec9dbcf426388"
#define HVIS_MESSAGE_POOLS_UNSTORED "bd18c50221814434a22142acd74cde97"
#define HVIS_MESSAGE_NO_DESCRIPTORS "8150a069d49947b29d6aa3b897e8c33d"
#define HVIS_MESSAGE_POOL_REPAIRED "b75f72130412465fb8616126e98ad10c"
#define HVIS_MESSAGE_CONFIG_WRONG "ccb7a4aaf639416fb352b8199f89b4f5"
#define HVIS_MESSAGE_SOCKET_FAILED "daf316480ce749f89870f26473c82769"
#define HVIS_MESSAGE_CONFIDENTIAL_VM "678b84a7588a4a08bf2954c1e2107935"
#define HVIS_MESSAGE_IP_SET "e624404d7c264361b08a5e7b7e820564"
#define HVIS_MESSAGE_IP_UNUSED "3b5615afafc2400cacbf1cb816e46164"
#define HVIS_MESSAGE_IP_TAKEN_BACK "2d14dfba51aa4d17adc9d998d8f69453"
#define HVIS_MESSAGE_IP_LATE "5c73af5958e14efdb573fc1f4926a4f2"
#define HVIS_MESSAGE_IP_STUCK "e4f66c9f637b44e78938f6abf4d510e1"
#define HVIS_MESSAGE_IP_HOOK_FAILED "bef85b732706498fb88e0760875e1d5b"
