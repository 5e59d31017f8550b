"""Calls (征集): challenges, cohorts, selection programmes and idea boxes, from call to award."""
