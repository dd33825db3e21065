"""Methods of siting, each a function of one planning problem."""
