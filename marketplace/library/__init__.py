"""The library (资源库): what can be licensed and downloaded, under which terms, by whom it was."""
