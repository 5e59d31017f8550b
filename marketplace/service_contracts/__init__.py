"""Service contracts on connected equipment (服务型制造): warnings, work orders, sessions."""
