"""What the command line does besides serving: accounts, tokens, holdings, and the state of the database."""
