"""The processes of a trial, and what they are told and write down."""
