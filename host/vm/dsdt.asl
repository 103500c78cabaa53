/*
 * The devices that a Linux guest of this host finds by ACPI: the VMBus, without interrupt or MMIO
 * (Linux uses neither on x86), and two serial ports. Sleep states S4 and S5; without \_S4_ Linux
 * does not tell Hyper-V's shutdown service that it can hibernate. Values: host/vm/pm.h.
 */
DefinitionBlock ("", "DSDT", 2, "HVIS  ", "HVISHOST", 0x00000001)
{
	Name (\_S4, Package () { 0x04, 0x04, Zero, Zero })
	Name (\_S5, Package () { 0x05, 0x05, Zero, Zero })

	Scope (\_SB)
	{
		Device (VMBS)
		{
			Name (_HID, "VMBus")
			Name (_DDN, "VMBUS")
			Name (_UID, Zero)
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate () {})
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, One)
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
				IRQNoFlags () { 4 }
			})
		}

		Device (COM2)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 0x02)
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x02F8, 0x02F8, 0x01, 0x08)
				IRQNoFlags () { 3 }
			})
		}
	}
}
