"""Trains, evaluates and exports the multitask model that MtlStream serves."""
