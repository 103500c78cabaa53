// SPDX-License-Identifier: GPL-2.0-only
/*
 * 16550A register model. The interrupt output is a level that follows the conditions, as on the
 * chip: the edge-triggered interrupt controllers see each new condition as a rising edge because
 * the driver does not leave its handler before IIR says "none".
 */
#include "config.h"

#include "host/vm/uart.h"

#define UART_IER_BITS 0x0fu
#define UART_MCR_BITS 0x1fu
#define UART_MSR_CONNECTED 0xb0u /* carrier, data set ready, clear to send */

static guint8 uart_pending(const Uart *uart)
{
	if (uart->ier & UART_IER_LINE && uart->overrun)
		return UART_IIR_LINE;
	if (uart->ier & UART_IER_RX && uart->rx_count)
		return UART_IIR_RX;
	if (uart->ier & UART_IER_THRE && uart->thre_pending)
		return UART_IIR_THRE;
	return UART_IIR_NONE;
}

static void uart_update(Uart *uart)
{
	/* OUT2 connects the interrupt to the bus; the loop disconnects it. */
	gboolean level = uart_pending(uart) != UART_IIR_NONE && uart->mcr & UART_MCR_OUT2 &&
			 !(uart->mcr & UART_MCR_LOOP);

	if (level == uart->level)
		return;
	uart->level = level;
	uart->ops->line(uart->data, level);
}

void uart_init(Uart *uart, const UartOps *ops, gpointer data)
{
	*uart = (Uart){ .ops = ops, .data = data };
}

static guint8 uart_read_data(Uart *uart)
{
	guint8 byte = 0;

	if (uart->rx_count) {
		byte = uart->rx[uart->rx_head];
		uart->rx_head = (uart->rx_head + 1) % UART_RX_SIZE;
		uart->rx_count--;
	}
	return byte;
}

static guint8 uart_read_iir(Uart *uart)
{
	guint8 pending = uart_pending(uart);

	if (pending == UART_IIR_THRE)
		uart->thre_pending = FALSE;
	return pending | (uart->fcr & UART_FCR_ENABLE ? UART_IIR_FIFOS : 0);
}

static guint8 uart_read_lsr(Uart *uart)
{
	guint8 lsr = uart->blocked ? 0 : UART_LSR_THRE | UART_LSR_EMPTY;

	if (uart->rx_count)
		lsr |= UART_LSR_DATA;
	if (uart->overrun)
		lsr |= UART_LSR_OVERRUN;
	uart->overrun = FALSE;
	return lsr;
}

/* In the loop the modem outputs DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD. */
static guint8 uart_read_msr(const Uart *uart)
{
	guint8 m = uart->mcr;

	if (!(m & UART_MCR_LOOP))
		return UART_MSR_CONNECTED;
	return (guint8)((m & 0x01) << 5 | (m & 0x02) << 3 | (m & 0x04) << 4 | (m & 0x08) << 4);
}

guint8 uart_read(Uart *uart, guint reg)
{
	gboolean dlab = (uart->lcr & UART_LCR_DLAB) != 0;
	guint8 value = 0;

	switch (reg) {
	case UART_DATA:
		value = dlab ? uart->divisor[0] : uart_read_data(uart);
		break;
	case UART_IER:
		value = dlab ? uart->divisor[1] : uart->ier;
		break;
	case UART_IIR:
		value = uart_read_iir(uart);
		break;
	case UART_LCR:
		value = uart->lcr;
		break;
	case UART_MCR:
		value = uart->mcr;
		break;
	case UART_LSR:
		value = uart_read_lsr(uart);
		break;
	case UART_MSR:
		value = uart_read_msr(uart);
		break;
	case UART_SCRATCH:
		value = uart->scratch;
		break;
	}
	uart_update(uart);
	return value;
}

static void uart_write_data(Uart *uart, guint8 byte)
{
	uart->thre_pending = FALSE;
	if (uart->mcr & UART_MCR_LOOP)
		uart_receive(uart, &byte, 1);
	else
		uart->ops->sent(uart->data, byte);
	/* Sending takes no time: empty again at once, unless the far end has just filled up. */
	if (!uart->blocked)
		uart->thre_pending = TRUE;
}

static void uart_write_ier(Uart *uart, guint8 value)
{
	guint8 risen = (guint8)(value & ~uart->ier);

	uart->ier = value & UART_IER_BITS;
	/* Allowing the interrupt while the transmitter is empty raises it. */
	if (risen & UART_IER_THRE && !uart->blocked)
		uart->thre_pending = TRUE;
}

static void uart_write_fcr(Uart *uart, guint8 value)
{
	gboolean toggled = ((uart->fcr ^ value) & UART_FCR_ENABLE) != 0;

	uart->fcr = value;
	if (toggled || value & UART_FCR_CLEAR_RX)
		uart->rx_count = 0;
}

void uart_write(Uart *uart, guint reg, guint8 value)
{
	gboolean dlab = (uart->lcr & UART_LCR_DLAB) != 0;

	switch (reg) {
	case UART_DATA:
		if (dlab)
			uart->divisor[0] = value;
		else
			uart_write_data(uart, value);
		break;
	case UART_IER:
		if (dlab)
			uart->divisor[1] = value;
		else
			uart_write_ier(uart, value);
		break;
	case UART_IIR:
		uart_write_fcr(uart, value);
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		uart->mcr = value & UART_MCR_BITS;
		break;
	case UART_SCRATCH:
		uart->scratch = value;
		break;
	}
	uart_update(uart);
}

guint uart_room(const Uart *uart)
{
	return uart->mcr & UART_MCR_RTS ? UART_RX_SIZE - uart->rx_count : 0;
}

void uart_receive(Uart *uart, const guint8 *bytes, gsize len)
{
	for (gsize i = 0; i < len; i++) {
		if (uart->rx_count == UART_RX_SIZE) {
			uart->overrun = TRUE;
			break;
		}
		uart->rx[(uart->rx_head + uart->rx_count) % UART_RX_SIZE] = bytes[i];
		uart->rx_count++;
	}
	uart_update(uart);
}

void uart_set_blocked(Uart *uart, gboolean blocked)
{
	if (uart->blocked && !blocked)
		uart->thre_pending = TRUE;
	if (blocked)
		uart->thre_pending = FALSE;
	uart->blocked = blocked;
	uart_update(uart);
}
