"""After each step of random histories the tree is what the rules say."""

from tests.catalog.histories import OFTEN, PATIENT, Histories, TellingHistories

TestListings = PATIENT(Histories.TestCase)
TestListings.settings = OFTEN
TestChanges = PATIENT(TellingHistories.TestCase)
TestChanges.settings = OFTEN
