"""Deals (询报价与订单): from a request for quotation over the award to the settled order."""
