"""Figures for management: kept up to date, queried, and handed out.

`facts` says what one export counts for, `times` keeps durations, `rolling` keeps the figures,
`counting` counts them in full, `checking` compares.
"""
