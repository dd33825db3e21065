# What a benchmark needs to time the way between Python and Julia.

"""
    receive(x)

Take anything and return nothing: the cost of a call and of its arguments.
"""
receive(x...) = nothing

"""
    provide(n)

A vector of `n` zeros: the cost of a result.
"""
provide(n::Integer) = zeros(n)
