"""Demands (需求): what a buyer asks for, checked when stated, matched against what is free."""
