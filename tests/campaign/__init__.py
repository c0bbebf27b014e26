"""The test campaign: random inputs, kills, damage and full disks, by the thousand.

``make campaign`` runs it; `make test` runs a few of each part (tests/whole/test_campaign.py).
"""
