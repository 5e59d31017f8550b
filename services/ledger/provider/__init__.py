"""Who moves real money (支付机构): the port, and a sandbox that only says so."""
