"""How good what comes out is: a command for each goal, on sets that are made here."""
