"""Helpers of the shift-invariance workbook: how much do a network's features change when an object moves?"""
