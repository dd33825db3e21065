# Arrays from anywhere (also those that belong to Python) as our own. What takes them is compiled
# once for all kinds of arrays; only these small methods are compiled for each.

own_matrix(x::AbstractMatrix)::Matrix{Float64} = Matrix{Float64}(x)
own_vector(x::AbstractVector)::Vector{Float64} = Vector{Float64}(x)
own_integers(x::AbstractVector)::Vector{Int} = Vector{Int}(x)
own_states(x::AbstractVector)::Vector{Bool} = Vector{Bool}(x)

own_matrices(@nospecialize(tables...)) = Matrix{Float64}[own_matrix(table) for table in tables]
