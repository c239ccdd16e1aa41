"""What is watched while a network trains, and the ground it trains on."""
