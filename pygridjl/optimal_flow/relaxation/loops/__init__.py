"""Loop constraints on a cycle basis, in every form."""
