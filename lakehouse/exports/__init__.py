"""What is made of the project as a whole: the data dictionary and the hand-in zip."""
