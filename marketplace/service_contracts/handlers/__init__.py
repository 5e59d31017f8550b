"""Use cases of service contracts: agreeing, answering warnings, looking in, settling."""
