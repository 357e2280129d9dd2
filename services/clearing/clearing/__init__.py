"""Clearing: the participants' money, and every trade settled delivery versus payment on the day it was made."""
