# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a bystander" ctl kvp set Bystander innocent
refuse "remove what is not there" 1 ctl kvp remove NeverThere
refuse "modify what is not there" 1 ctl kvp modify NeverThere value
refuse "remove from an empty pool" 1 ctl kvp remove NeverThere --pool auto-external
is "the bystander is unharmed" "$(ctl kvp get Bystander)" innocent
is "and alone" "$(ctl kvp list | awk 'NR > 1' | wc -l)" 1
check "remove the bystander" ctl kvp remove Bystander
done_testing
