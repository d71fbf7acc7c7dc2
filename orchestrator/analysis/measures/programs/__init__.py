"""The measures of a program's trial, and the bound of a program that trains."""
