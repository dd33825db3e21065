# Arrays from anywhere (also those that belong to Python) as our own, each by one small method that
# an extension can have compiled beforehand.

own_matrix(x::AbstractMatrix)::Matrix{Float64} = Matrix{Float64}(x)
own_vector(x::AbstractVector)::Vector{Float64} = Vector{Float64}(x)
own_integers(x::AbstractVector)::Vector{Int} = Vector{Int}(x)
own_states(x::AbstractVector)::Vector{Bool} = Vector{Bool}(x)
